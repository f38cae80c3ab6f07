"""What an answer is likely to be: drafts for the decoder to check, never to trust.

Three sources, in this order. Another model's answer to the same sentence, where one came with the request. A sentence
of the same shape (equal but for the words inside its marks) had an answer: that is the draft from its first byte on.
Answers to sentences with the same marks usually go on in some way (`usual`): that is the draft as far as it is
likely. Drafts are text, so that models of different vocabularies can draft for each other. Decides nothing: a right
draft saves forward passes, a wrong one costs part of one.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Final

from edge_agent.language.usual import LEARNT, Usual

SHAPES_MAX: Final = 4_096
"""Sentences remembered; the one not heard for longest goes first."""
SHARE_MIN: Final = 0.6
"""On a CPU, where a token read in vain costs about a third of a pass."""
SHARE_MIN_GPU: Final = 0.1
"""On a GPU, where a few more tokens in a pass cost next to nothing."""

_MARK: Final = re.compile(r"\[(\w+)(?: [^\]]*)?\]")


class Drafts:
    """Remembers answers. Not for several threads at once."""

    def __init__(self, share_min: float = SHARE_MIN) -> None:
        self._usual = Usual(share_min)
        self._shapes: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def of(self, pack: str, marked: str, given: str = "") -> Draft:
        """Drafts for one sentence; `given`: another model's answer to it."""
        return Draft(self, pack, marked, given.encode("utf-8", "replace"))  # another process said it

    def learn_usual(self, pack: str, marks: tuple[str, ...], answer: str, count: int) -> None:
        """So many of the pack's phrases with these marks have this answer."""
        self._usual.count(pack, marks, answer.encode(), count)

    def after(self, pack: str, marked: str, written: bytes) -> bytes:
        """What may follow these bytes of the answer, from memory."""
        whole = self._shapes.get((pack, _shape(marked)), b"")
        if len(whole) > len(written) and whole.startswith(written):
            return whole[len(written) :]
        return self._usual.after(pack, marks_of(marked), written)

    def learn(self, pack: str, marked: str, answer: bytes) -> None:
        """This was the answer."""
        self._usual.count(pack, marks_of(marked), answer, LEARNT)
        key = (pack, _shape(marked))
        self._shapes[key] = answer
        self._shapes.move_to_end(key)
        if len(self._shapes) > SHAPES_MAX:
            self._shapes.popitem(last=False)


class Draft:
    """What may follow in one sentence's answer."""

    def __init__(self, drafts: Drafts, pack: str, marked: str, given: bytes) -> None:
        self._drafts = drafts
        self._pack = pack
        self._marked = marked
        self._given = given

    def after(self, written: bytes) -> bytes:
        """What may follow these bytes of the answer; nothing where nothing is known."""
        if len(self._given) > len(written) and self._given.startswith(written):
            return self._given[len(written) :]
        return self._drafts.after(self._pack, self._marked, written)

    def learn(self, answer: bytes) -> None:
        """This was the answer."""
        self._drafts.learn(self._pack, self._marked, answer)


def marks_of(marked: str) -> tuple[str, ...]:
    """The labels of a sentence's marks, in order."""
    return tuple(_MARK.findall(marked))


def _shape(marked: str) -> str:
    return _MARK.sub(r"[\1]", marked)
