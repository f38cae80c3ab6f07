"""An interpreter that says whatever comes to its mind, driven through resolve and policy; for a test and the campaign.

    python tests/arbitrary_interpreter.py CASES [SEED]

Each case is one sentence and one answer: bytes at random, JSON at random, calls of the sentence's pack with labels at
random, good answers cut or changed. What comes out is actions that the referee has nothing against, or a coded error.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from policy_referee import PACKS, POLICY, ROBOT, WORLDS, object_to

from edge_agent.clock import SystemClock
from edge_agent.errors import Code, EdgeAgentError
from edge_agent.grammar.resolve import resolve
from edge_agent.language.decision import DecideRequest
from edge_agent.language.scripted import ScriptedDecider
from edge_agent.node.interpret import Interpreter
from edge_agent.packs.base import ChoiceSlot, EntitySlot, Pack, QuantitySlot
from edge_agent.safety.site_rules import Situation
from edge_agent.world.linker import Linker
from edge_agent.world.mention import Dialogue

EXPECTED: Final = frozenset({Code.OUTPUT_INVALID, Code.POLICY_REFUSED})
"""All that such an interpreter can cause."""
SENTENCES: Final = {
    "robot": (
        "bring the red box from the server room to dock 3 and move forward 2 meters",
        "go to the tall rack then to me then wait 90 seconds and turn left 120 degrees",
        "find the lamp there and follow ann here",
    ),
    "home": (
        "set the cot heater in the nursery upstairs to 24 degrees and the stove heater to 21",
        "turn off the cellar door and the lamp in the kitchen here to 50 percent",
    ),
    "kiosk": ("a large espresso and 5 teas and 3 chai please",),
    "winch": ("lift the crate 5 meters at 30 percent and swing to the pit then the beam to the yard",),
}
DIALOGUE: Final = Dialogue(("tall rack", "Cellar Door", "beam"))
_LABELS: Final = (*range(-1, 8), *"abcdef", "me", "here", "it", "there", "server room", "rack 7", "2", "", "the lamp")


class Babbler:
    """Answers at random, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def answer(self, pack: Pack) -> str:
        """What the engine says this time."""
        kind = self.random.random()
        if kind < 0.10:
            return self._bytes()
        if kind < 0.15:
            return json.dumps(self._json(4))
        calls = [self._call(pack) for _ in range(self.random.choice((1, 1, 1, 1, 2, 2, 3, 6, 7)))]
        text = json.dumps(calls, separators=(",", ":"))
        if kind < 0.25:
            return self._damaged(text)
        return text

    def action(self, pack: Pack) -> Any:
        """An action as no resolver would make it, to be put before the policy as it is."""
        if self.random.random() < 0.05:
            return self._json(3)
        spec = self.random.choice(pack.actions)
        names = [one.name for one in WORLDS[pack.name].entities] + ["me", "here", "rack 7 ", "SERVER ROOM", "nowhere"]
        action: dict[str, Any] = {"action": spec.name}
        for slot in spec.slots:
            if not slot.required and self.random.random() < 0.5:
                continue
            match slot.slot:
                case EntitySlot():
                    action[slot.name] = self.random.choice(names)
                case QuantitySlot(minimum=low, maximum=high):
                    action[slot.name] = self.random.choice((low, high, self.random.randint(0, 30), self._json(0)))
                case ChoiceSlot(values):
                    action[slot.name] = self.random.choice(values)
                case _:
                    action[slot.name] = self.random.choice(("hello", "", "\x00", "x" * 300))
        return action

    def _call(self, pack: Pack) -> dict[str, Any]:
        spec = self.random.choice(pack.actions)
        call: dict[str, Any] = {"action": spec.name if self.random.random() < 0.97 else "fly"}
        for slot in spec.slots:
            if not slot.required and self.random.random() < 0.6:
                continue
            match slot.slot:
                case ChoiceSlot(values) if self.random.random() < 0.9:
                    call[slot.name] = self.random.choice(values)
                case EntitySlot() if self.random.random() < 0.9:
                    call[slot.name] = self.random.randint(1, 4)
                case QuantitySlot() if self.random.random() < 0.9:
                    call[slot.name] = self.random.choice("ab")
                case _:
                    call[slot.name] = self.random.choice(_LABELS)
        return call

    def _json(self, depth: int) -> Any:
        leaf = self.random.choice((None, True, -1, 1e308, 10**40, "action", "\ud800", "\u202e", "stop", 0.1))
        if depth == 0 or self.random.random() < 0.3:
            return leaf
        inner = [self._json(depth - 1) for _ in range(self.random.randint(0, 3))]
        return inner if self.random.random() < 0.5 else {f"k{place}": one for place, one in enumerate(inner)}

    def _bytes(self) -> str:
        if self.random.random() < 0.02:
            return self.random.choice(("[" * 5_000, '[{"action":' * 700, "9" * 6_000, "[" + "9" * 5_000 + "]"))
        data = self.random.randbytes(self.random.randint(0, 60))
        return data.decode("utf-8", self.random.choice(("surrogateescape", "replace", "ignore")))

    def _damaged(self, text: str) -> str:
        place = self.random.randrange(len(text))
        return self.random.choice(
            (text[:place], text[:place] + self._bytes() + text[place:], text + text, text[place:])
        )


class Table:
    """Everything between the babbler and a robot, for all packs."""

    def __init__(self, seed: int) -> None:
        self.babbler = Babbler(seed)
        self._clock = SystemClock()
        self._said = ""
        self._linked = {
            name: [Linker(WORLDS[name]).link(text, DIALOGUE) for text in texts] for name, texts in SENTENCES.items()
        }
        decider = ScriptedDecider(self._answer_of)
        self._readers = {
            name: Interpreter(pack, Linker(WORLDS[name]), decider, self._clock) for name, pack in PACKS.items()
        }

    def case(self, number: int) -> str:
        """One case, in one of four ways; what came of it.

        Raises:
            AssertionError: something else than checked actions, a reject, or an expected code.
        """
        name = self.babbler.random.choice(tuple(PACKS))
        area, speaker = (self.babbler.random.choice((None, place)) for place in _standing(name))
        self._said = ""
        try:
            actions = self._actions(name, number % 4, area, speaker)
            planned = POLICY.judge(PACKS[name], actions, Situation(WORLDS[name], ROBOT, "", area, speaker))
        except EdgeAgentError as problem:
            assert problem.code in EXPECTED, f"case {number}: {self._said!r}: {problem}"
            return problem.code
        except Exception as bug:
            raise AssertionError(f"case {number}: {self._said!r}") from bug
        objection = object_to(name, planned, area=area, speaker=speaker)
        assert not objection, f"case {number}: {self._said!r}: {objection}"
        return "actions" if planned else "reject"

    def _actions(self, name: str, way: int, area: str | None, speaker: str | None) -> Sequence[Any]:
        """Put straight before the policy; through the whole interpreter; else through the resolver."""
        pack, pick = PACKS[name], self.babbler.random
        if way == 0:
            return [self.babbler.action(pack) for _ in range(pick.randint(1, 3))]
        if way == 1:
            text, deadline_ms = pick.choice(SENTENCES[name]), self._clock.now_ms() + 1e9
            return self._readers[name].interpret(text, deadline_ms=deadline_ms, area=area, speaker=speaker).actions
        self._said = self.babbler.answer(pack)
        linked = pick.choice(self._linked[name])
        return resolve(pack, self._said, linked, WORLDS[name], DIALOGUE, area, speaker).actions

    def _answer_of(self, request: DecideRequest) -> str:
        self._said = self.babbler.answer(PACKS[request.pack])
        return self._said


def campaign(cases: int, seed: int = 1) -> Counter[str]:
    """Run so many cases; how often each thing came of them.

    Raises:
        AssertionError: something else came out than checked actions, a reject, or an expected code.
    """
    table = Table(seed)
    return Counter(table.case(number) for number in range(cases))


def _standing(pack: str) -> tuple[str, str]:
    """Where and by whom it may be said."""
    return {"robot": ("server room", "ann"), "home": ("Nursery", "Ann")}.get(pack, ("yard", "Bob"))


if __name__ == "__main__":
    began_s = time.monotonic()
    tally = campaign(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(json.dumps({**dict(tally), "seconds": round(time.monotonic() - began_s, 1)}))
