"""What each session spoke of lately, so that "it" and "there" can stand for something. Bounded, in memory only."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from edge_agent import limits
from edge_agent.messages import JsonAction
from edge_agent.packs.base import EntitySlot, Pack
from edge_agent.world.mention import Dialogue

NAMES_KEPT: Final = 8


class Dialogues:
    """The last entities of each session, the latest first."""

    def __init__(self) -> None:
        self._sessions: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    def of(self, pack: Pack, session: str) -> Dialogue:
        """What "it" can mean in this session's next sentence."""
        return Dialogue(recent=self._sessions.get((pack.name, session), ()))

    def remember(self, pack: Pack, session: str, actions: Sequence[JsonAction]) -> None:
        """These actions were understood; their entities are what was spoken of."""
        said = [name for action in actions for name in entities_of(pack, action)]
        key = (pack.name, session)
        names = dict.fromkeys([*reversed(said), *self._sessions.get(key, ())])
        self._sessions[key] = tuple(names)[:NAMES_KEPT]
        self._sessions.move_to_end(key)
        while len(self._sessions) > limits.SESSIONS_MAX:
            self._sessions.popitem(last=False)


def entities_of(pack: Pack, action: JsonAction) -> list[str]:
    """The names in an action's entity slots, in the order of its slots."""
    spec = pack.action(str(action.get("action")))
    if spec is None:
        return []
    return [str(action[slot.name]) for slot in spec.slots if isinstance(slot.slot, EntitySlot) and slot.name in action]
