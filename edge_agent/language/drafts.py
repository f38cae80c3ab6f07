"""What an answer is likely to be, from answers given before: drafts for the decoder to check, never to trust.

Two memories. A sentence of the same shape (equal but for the words inside its marks) had an answer: that is the draft
from its first token on. An answer that began with the same tokens, to a sentence with the same marks, went on somehow:
that is the draft from there. Decides nothing: a right draft saves forward passes, a wrong one costs part of one.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Final

WHOLE_TOKENS_MAX: Final = 15
"""Tokens drafted with the prompt, where each costs about a tenth of a pass."""
NEXT_TOKENS_MAX: Final = 3
"""Tokens drafted later: up to four in one pass cost hardly more than two."""
REMEMBERED_MAX: Final = 8_192
"""Continuations kept; the least recently used goes first."""

_MARK: Final = re.compile(r"\[(\w+)(?: [^\]]*)?\]")


class Drafts:
    """Remembers how answers went on. Not for several threads at once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[int, ...]] = OrderedDict()

    def of(self, pack: str, marked: str) -> Draft:
        """Drafts for one sentence."""
        return Draft(self, (pack, _MARK.sub(r"[\1]", marked)), (pack, tuple(_MARK.findall(marked))))

    def get(self, key: Hashable) -> tuple[int, ...]:
        """What is remembered under a key, or nothing."""
        found = self._kept.get(key)
        if found is None:
            return ()
        self._kept.move_to_end(key)
        return found

    def keep(self, key: Hashable, tokens: tuple[int, ...]) -> None:
        """Remember tokens in place of what was remembered before."""
        self._kept[key] = tokens
        self._kept.move_to_end(key)
        if len(self._kept) > REMEMBERED_MAX:
            self._kept.popitem(last=False)


class Draft:
    """What may follow in one sentence's answer."""

    def __init__(self, drafts: Drafts, shape: Hashable, marks: Hashable) -> None:
        self._drafts = drafts
        self._shape = shape
        self._marks = marks

    def after(self, tokens: Sequence[int]) -> Sequence[int]:
        """The tokens that may follow these."""
        said = tuple(tokens)
        whole = self._drafts.get(self._shape)
        if len(whole) > len(said) and whole[: len(said)] == said:
            return whole[len(said) :][:WHOLE_TOKENS_MAX]
        return self._drafts.get((self._marks, said))[:NEXT_TOKENS_MAX]

    def learn(self, tokens: Sequence[int], places: Sequence[int]) -> None:
        """This was the answer, with a choice at each of these places."""
        said = tuple(tokens)
        self._drafts.keep(self._shape, said)
        for place in places[1:]:  # the first is the action: what others asked for says nothing of it
            self._drafts.keep((self._marks, said[:place]), said[place:])
