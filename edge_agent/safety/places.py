"""Where a named thing lies, as far as the world says: what it is called, the area and floor it is in, theirs in turn.

Names are compared as they are read out, case, punctuation and look-alike letters aside, so that no spelling leads past
a no-go place. What an update of the world took away counts on: whoever may update it can add to such a place and take
nothing from it. Refuses nothing itself. Pure.
"""

from __future__ import annotations

from functools import lru_cache

from edge_agent.safety.lookalike import plain_letters
from edge_agent.world.store import World
from edge_agent.world.text import words_of


@lru_cache(maxsize=8_192)
def key_of(name: str) -> str:
    """A name as it is compared."""
    return " ".join(words_of(plain_letters(name))) or name.casefold()


def whereabouts(world: World, name: str) -> frozenset[str]:
    """Keys of everything a name stands for and lies in, the name's own among them.

    An area is followed by its name and its aliases, upwards only: a thing lies in its room, not in its neighbour.
    """
    keys: set[str] = set()
    followed: set[str] = set()
    ahead = [name]
    while ahead:
        current = ahead.pop()
        if current.casefold() in followed:
            continue
        followed.add(current.casefold())
        keys.add(key_of(current))
        for entity in world.ever_called(current):
            keys.update(key_of(called) for called in (entity.name, *entity.aliases))
            ahead += [place for place in (entity.area, entity.floor) if place]
    return frozenset(keys)
