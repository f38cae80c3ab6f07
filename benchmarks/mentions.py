"""How well the linker alone finds what sentences name: recall and precision of its marks, a line for each set.

    python benchmarks/mentions.py SET.jsonl… [--json] [--show missed|unused|absent]

Sets are evaluation files (one example a line). What is counted:

- **wanted**: the entities of the example's world whose name is an entity slot's value in every accepted reading (me,
  here, it and there are no names). An entity that only the speaker's place can tell ("the light", said in the hall) is
  not wanted: the speaker's area itself and what is in it, unless what is the name's own is said.
- **recall**: of the wanted ones, those that are a candidate of some mark.
- **alone**: of the wanted ones, those that are the only candidate of some mark.
- **precision**: of the marks in sentences that are commands here, those of which some accepted reading uses a
  candidate. Marks that are right but unused ("the book on the table", where only the book is asked for) count against
  it, so it compares linkers and is no rate of errors.
- **absent**: sentences to be rejected that another given set holds too, in a world with more in it: what the other
  world has more is missing here. Counted are those whose missing thing the linker marks in the larger world; **false**
  are those of them that get a mark of something else in that very stretch of words.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent.evaluation.examples import Example, read_examples
from edge_agent.messages import JsonAction
from edge_agent.packs.base import EntitySlot
from edge_agent.packs.registry import load_pack
from edge_agent.world.linker import Linker
from edge_agent.world.mention import DEICTIC_WORDS, Mention
from edge_agent.world.store import World
from edge_agent.world.text import words_of


@dataclass(slots=True)
class Count:
    """What one set came to; the lists hold sentences to look at."""

    wanted: int = 0
    found: int = 0
    alone: int = 0
    marks: int = 0
    used: int = 0
    absent: int = 0
    false: int = 0
    shown: dict[str, list[str]] = field(default_factory=lambda: {"missed": [], "unused": [], "absent": []})

    def line(self, name: str) -> dict[str, str | int | float]:
        """The set's figures; shares in percent."""
        return {
            "set": name,
            "wanted": self.wanted,
            "recall": _percent(self.found, self.wanted),
            "alone": _percent(self.alone, self.wanted),
            "marks": self.marks,
            "precision": _percent(self.used, self.marks),
            "absent": self.absent,
            "false": self.false,
        }


class Linkers:
    """One linker a world, made when first asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Linker] = {}

    def entities(self, example: Example) -> tuple[str, list[Mention]]:
        """The marked sentence and its entity mentions."""
        linker = self._made.get(example.world_key)
        if linker is None:
            linker = self._made[example.world_key] = Linker(World.of(example.world))
        linked = linker.link(example.text or "")
        return linked.marked, [mention for mention in linked.mentions if mention.candidates]


def names_used(example: Example) -> tuple[frozenset[str], frozenset[str]]:
    """Names of the world that stand in every accepted reading, and those in any; casefolded."""
    known = {entity.name.casefold() for entity in example.world} - set(DEICTIC_WORDS)
    readings = [known & _named(example.pack, reading) for reading in example.accept]
    return frozenset(set.intersection(*readings)), frozenset(set.union(*readings))


def _named(pack_name: str, reading: Sequence[JsonAction]) -> set[str]:
    """The values of a reading's entity slots, casefolded."""
    pack = load_pack(pack_name)
    named: set[str] = set()
    for action in reading:
        spec = pack.action(str(action["action"]))
        slots = [one for one in (spec.slots if spec else ()) if isinstance(one.slot, EntitySlot)]
        named.update(str(action[one.name]).casefold() for one in slots if one.name in action)
    return named


def wanted_of(example: Example) -> frozenset[str]:
    """The names that somebody who reads the sentence can find in it."""
    every, _ = names_used(example)
    if example.area is None:
        return every
    said, place = set(words_of(example.text or "")), example.area.casefold()
    at_hand = {place} | {one.name.casefold() for one in example.world if one.area.casefold() == place}
    own = {name: set(words_of(name)) - set(words_of(place)) for name in every}
    return frozenset(name for name in every if name not in at_hand or (own[name] and own[name] <= said))


def count(examples: Sequence[Example], others: Iterable[Example], linkers: Linkers) -> Count:
    """One set's figures; `others` are the examples in which larger worlds are looked for."""
    counted = Count()
    larger = {example.text: example for example in others if not _rejected(example)}
    for example in examples:
        marked, mentions = linkers.entities(example)
        if _rejected(example):
            twin = larger.get(example.text)
            if twin and len(twin.world) > len(example.world):
                here = {entity.name for entity in example.world}
                whole = linkers.entities(twin)[1]
                gone = [one for one in whole if all(entity.name not in here for entity in one.candidates)]
                _count_absent(counted, mentions, gone, marked)
        else:
            _count_command(counted, example, mentions, marked)
    return counted


def _count_command(counted: Count, example: Example, mentions: Sequence[Mention], marked: str) -> None:
    _, used = names_used(example)
    candidates = [{one.name.casefold() for one in mention.candidates} for mention in mentions]
    for name in wanted_of(example):
        counted.wanted += 1
        counted.found += any(name in one for one in candidates)
        counted.alone += {name} in candidates
        if not any(name in one for one in candidates):
            counted.shown["missed"].append(f"{name}: {marked}")
    counted.marks += len(mentions)
    for mention, names in zip(mentions, candidates, strict=True):
        counted.used += not names.isdisjoint(used)
        if names.isdisjoint(used):
            counted.shown["unused"].append(f"{mention.text} = {sorted(names)}: {marked}")


def _count_absent(counted: Count, mentions: Sequence[Mention], gone: Sequence[Mention], marked: str) -> None:
    counted.absent += bool(gone)
    false = [one for one in mentions for lost in gone if one.start < lost.end and lost.start < one.end]
    if false:
        counted.false += 1
        counted.shown["absent"].append(f"{false[0].text} = {false[0].candidates[0].name}: {marked}")


def _rejected(example: Example) -> bool:
    return example.expected[0]["action"] == "reject"


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def measured(paths: Sequence[Path]) -> Iterator[tuple[str, Count]]:
    """Each set with its figures; examples in sound are left out."""
    sets = {path.stem: [one for one in read_examples(path) if one.text is not None] for path in paths}
    linkers = Linkers()
    everything = [example for examples in sets.values() for example in examples]
    for name, examples in sets.items():
        yield name, count(examples, everything, linkers)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("sets", nargs="+", type=Path, metavar="SET.jsonl")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--show", choices=["missed", "unused", "absent"], help="the sentences behind a figure")
    given = parser.parse_args()
    for at, (name, counted) in enumerate(measured(given.sets)):
        line = counted.line(name)
        if given.json:
            print(json.dumps(line))
        else:
            head = "".join(f"{title:>20}" if title == "set" else f"{title:>10}" for title in line)
            sys.stdout.write(f"{head}\n" if not at else "")
            print("".join(f"{value:>20}" if title == "set" else f"{value:>10}" for title, value in line.items()))
        for sentence in counted.shown[given.show] if given.show else ():
            print("   ", sentence)


if __name__ == "__main__":
    main()
