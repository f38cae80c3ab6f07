"""GBNF as a constraint on tokens, by llguidance; the only file that imports it.

Decides nothing of its own: which tokens the grammar allows, forces or suggests. A grammar that llguidance cannot read
and a token it does not take are GRAMMAR_INVALID and OUTPUT_INVALID, as its matcher never raises by itself.

A sentence's grammar ends in the rules of its own words (`span ::= …`), which no other sentence shares. Most answers
hold no words, so what is compiled and kept is the outline, the grammar with a single character in place of the words;
the whole grammar is compiled where an answer is about to go into them. Nothing else differs: the outline's character
stands behind a key that is spelled out, and no token reaches over that key into it (`_parts_text` looks).
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Sequence

import llguidance
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.lark import gbnf_to_lark
from edge_agent.language.vocabulary import Vocabulary

_SPAN = "\nspan ::= "
_SPAN_RULES = re.compile(r'"\\"" \(span-1(?: \| span-\d+)*\) "\\""\n(?:span-\d+ ::= [^\n]*\n)+')
"""What follows `_SPAN` in a sentence's grammar; in a grammar of somebody's own anything may."""
_WITHOUT_KEY = re.compile(r'(?<!:") span\b')
_PLACEHOLDER = b"\x01"
"""No text slot's words hold it (they are normalized), and no other rule names it."""
_OVER_A_KEY = re.compile(rb'\w":')
_SPELT_BYTES_MAX = 32
"""Bytes looked at to say which token they begin with: more than any token of an answer has."""
MATCHERS_MAX = 128
"""Compiled grammars remembered; a copy of one costs microseconds, compiling milliseconds."""


class Constraints:
    """Compiles grammars for one vocabulary and remembers them. The vocabulary must outlive it."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._tokenizer = llguidance.LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]  # left out of its stubs
            tokens=_marked_tokens(vocabulary),
            vocab_ptr=vocabulary.pointer,
            tokenize_fptr=vocabulary.tokenize_pointer,
            eos_token=sorted(vocabulary.ends),
            slices=[],
        )
        self._pieces = vocabulary.pieces
        self._parts_text = not any(_OVER_A_KEY.search(piece) for piece in vocabulary.pieces)
        self._kept: OrderedDict[str, llguidance.LLMatcher] = OrderedDict()

    def begin(self, gbnf: str) -> TokenConstraint:
        """A constraint at the start of an answer.

        Raises:
            NodeFault: GRAMMAR_INVALID.
        """
        outline, found, rules = gbnf.partition(_SPAN)
        parts = found and self._parts_text and _SPAN_RULES.fullmatch(rules) and not _WITHOUT_KEY.search(outline)
        if not parts:
            return TokenConstraint(self._compiled(gbnf), self._tokenizer, self._pieces)
        matcher = self._compiled(f'{outline}{_SPAN}"\\x01"\n')
        return TokenConstraint(matcher, self._tokenizer, self._pieces, lambda: self._compiled(gbnf))

    def _compiled(self, gbnf: str) -> llguidance.LLMatcher:
        """A matcher at the start of a grammar."""
        matcher = self._kept.get(gbnf)
        if matcher is None:
            matcher = llguidance.LLMatcher(self._tokenizer, gbnf_to_lark(gbnf), log_level=0)
            if matcher.is_error():
                raise NodeFault(Code.GRAMMAR_INVALID, f"the grammar cannot be used: {matcher.get_error()[:300]}")
            self._kept[gbnf] = matcher
            if len(self._kept) > MATCHERS_MAX:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(gbnf)
        return matcher.deep_copy()

    def accepts(self, gbnf: str, text: str) -> bool:
        """Whether a whole text is an answer of the grammar.

        Raises:
            NodeFault: GRAMMAR_INVALID.
        """
        constraint = TokenConstraint(self._compiled(gbnf), self._tokenizer, self._pieces)
        return constraint.takes_all(self._tokenizer.tokenize_str(text))


class TokenConstraint:
    """One answer under a grammar; implements the decoder's `Constraint`.

    `whole` gives the matcher of the whole grammar where `matcher` is its outline's.
    """

    def __init__(
        self,
        matcher: llguidance.LLMatcher,
        tokenizer: llguidance.LLTokenizer,
        pieces: Sequence[bytes],
        whole: Callable[[], llguidance.LLMatcher] | None = None,
    ) -> None:
        self._matcher = matcher
        self._whole = whole
        self._taken: list[int] = []
        self._written = b""
        self._tokenizer = tokenizer
        self._pieces = pieces
        self._mask: NDArray[np.int32] = np.zeros((len(pieces) + 31) // 32, dtype=np.int32)

    @property
    def written(self) -> bytes:
        return self._written

    def forced(self) -> Sequence[int]:
        self._enter_words()
        tokens: list[int] = self._matcher.compute_ff_tokens()
        self._check("forced tokens")
        return tokens

    def guess(self, text: bytes = b"") -> int | None:
        following = text or self._matcher.compute_ff_bytes()
        if not following:
            return None
        tokens = self._tokenizer.tokenize_bytes(following[:_SPELT_BYTES_MAX])
        return tokens[0] if tokens else None

    def allowed(self) -> NDArray[np.intp]:
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)
        self._check("a mask")
        bits = np.unpackbits(self._mask.view(np.uint8), count=len(self._pieces), bitorder="little")
        return np.flatnonzero(bits)

    def take(self, token: int) -> None:
        self._enter_words()
        self._consume(token)
        self._taken.append(token)
        self._written += self._pieces[token]

    def fork(self) -> TokenConstraint:
        fork = TokenConstraint(self._matcher.deep_copy(), self._tokenizer, self._pieces, self._whole)
        fork._taken, fork._written = self._taken.copy(), self._written
        return fork

    def takes_all(self, tokens: Sequence[int]) -> bool:
        """Whether these tokens are a whole answer."""
        taken = self._matcher.try_consume_tokens(list(tokens))
        return taken == len(tokens) and self._matcher.is_accepting()

    def finished(self) -> bool:
        stopped: bool = self._matcher.is_stopped()
        self._check("the end")
        return stopped

    def _enter_words(self) -> None:
        """Go over to the whole grammar where the outline's placeholder comes next."""
        if self._whole is not None and _PLACEHOLDER in self._matcher.compute_ff_bytes():
            self._matcher, self._whole = self._whole(), None
            for token in self._taken:
                self._consume(token)

    def _consume(self, token: int) -> None:
        if not self._matcher.consume_token(token):
            raise NodeFault(Code.OUTPUT_INVALID, f"the grammar does not take token {token}")

    def _check(self, what: str) -> None:
        if self._matcher.is_error():
            raise NodeFault(Code.GRAMMAR_INVALID, f"no {what} from the grammar: {self._matcher.get_error()[:300]}")


def _marked_tokens(vocabulary: Vocabulary) -> list[bytes]:
    """Pieces as llguidance wants them: control tokens start with a byte that no text has."""
    return [b"\xff" + piece if token in vocabulary.controls else piece for token, piece in enumerate(vocabulary.pieces)]
