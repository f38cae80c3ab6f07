"""Finding what a sentence names: entities of the world, quantities, and me / here / it / there."""

from __future__ import annotations

from edge_agent.world.mention import Dialogue, Linked
from edge_agent.world.store import World
from edge_agent.world.text import normalize


class Linker:
    """Reads sentences against one world. A value: it never changes, `updated` gives the linker of the next world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def link(self, text: str, dialogue: Dialogue = Dialogue()) -> Linked:  # noqa: B008  frozen
        """The sentence and every mention in it."""
        words = normalize(text)
        return Linked(text, words, (), " ".join(word.text for word in words))

    def updated(self, world: World) -> Linker:
        """The linker of another world; quick when it differs from this one in a few entities."""
        return Linker(world)
