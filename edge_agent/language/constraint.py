"""GBNF as a constraint on tokens, by llguidance; the only file that imports it.

Decides nothing of its own: which tokens the grammar allows, forces or suggests. A grammar that llguidance cannot read
and a token it does not take are GRAMMAR_INVALID and OUTPUT_INVALID, as its matcher never raises by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import llguidance
import numpy as np
from numpy.typing import NDArray

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.lark import gbnf_to_lark
from edge_agent.language.vocabulary import Vocabulary

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
        self._size = len(vocabulary.pieces)
        self._kept: OrderedDict[str, llguidance.LLMatcher] = OrderedDict()

    def begin(self, gbnf: str) -> TokenConstraint:
        """A constraint at the start of an answer.

        Raises:
            NodeFault: GRAMMAR_INVALID.
        """
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
        return TokenConstraint(matcher.deep_copy(), self._tokenizer, self._size)

    def accepts(self, gbnf: str, text: str) -> bool:
        """Whether a whole text is an answer of the grammar.

        Raises:
            NodeFault: GRAMMAR_INVALID.
        """
        constraint = self.begin(gbnf)
        return constraint.takes_all(self._tokenizer.tokenize_str(text))


class TokenConstraint:
    """One answer under a grammar; implements the decoder's `Constraint`."""

    def __init__(self, matcher: llguidance.LLMatcher, tokenizer: llguidance.LLTokenizer, size: int) -> None:
        self._matcher = matcher
        self._tokenizer = tokenizer
        self._size = size
        self._mask: NDArray[np.int32] = np.zeros((size + 31) // 32, dtype=np.int32)

    def forced(self) -> Sequence[int]:
        tokens: list[int] = self._matcher.compute_ff_tokens()
        self._check("forced tokens")
        return tokens

    def guess(self) -> int | None:
        forced = self._matcher.compute_ff_bytes()
        if not forced:
            return None
        tokens = self._tokenizer.tokenize_bytes(forced)
        return tokens[0] if tokens else None

    def allowed(self) -> NDArray[np.intp]:
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)
        self._check("a mask")
        bits = np.unpackbits(self._mask.view(np.uint8), count=self._size, bitorder="little")
        return np.flatnonzero(bits)

    def take(self, token: int) -> None:
        if not self._matcher.consume_token(token):
            raise NodeFault(Code.OUTPUT_INVALID, f"the grammar does not take token {token}")

    def takes_all(self, tokens: Sequence[int]) -> bool:
        """Whether these tokens are a whole answer."""
        taken = self._matcher.try_consume_tokens(list(tokens))
        return taken == len(tokens) and self._matcher.is_accepting()

    def finished(self) -> bool:
        stopped: bool = self._matcher.is_stopped()
        self._check("the end")
        return stopped

    def _check(self, what: str) -> None:
        if self._matcher.is_error():
            raise NodeFault(Code.GRAMMAR_INVALID, f"no {what} from the grammar: {self._matcher.get_error()[:300]}")


def _marked_tokens(vocabulary: Vocabulary) -> list[bytes]:
    """Pieces as llguidance wants them: control tokens start with a byte that no text has."""
    return [b"\xff" + piece if token in vocabulary.controls else piece for token, piece in enumerate(vocabulary.pieces)]
