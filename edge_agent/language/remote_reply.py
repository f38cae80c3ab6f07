"""What a server elsewhere answered, read strictly and believed only when the sentence's own grammar takes it. Pure.

Decides the answer's text, what it is worth, and its canonical form: servers may put in spaces or order the keys their
own way, which means the same. Refuses (OUTPUT_INVALID) everything else: no JSON, another shape, an answer cut off, one
that the grammar does not take, whatever the server promised.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.errors import Code, NodeFault
from edge_agent.grammar.accepts import accepts
from edge_agent.grammar.answer import ANSWER_CHARS_MAX, parse_answer
from edge_agent.grammar.gbnf import json_text
from edge_agent.language.remote_schema import unwrapped
from edge_agent.packs.base import REJECT, Pack

SHOWN_CHARS_MAX = 120
"""Characters of a server's own words in an error."""
LOG_LEAST = -10_000.0
"""A token's logarithm below it counts as this; servers write -9999, -Infinity or any number for "never"."""
LOG_ROUNDING = 0.01
"""How far above 0, which is certain, a logarithm may stand by rounding; what stands higher is none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer. `probability`: the product of its tokens' probabilities, or None where it tells none."""

    text: str
    tokens: int
    probability: float | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A model as a server lists it."""

    model: str
    owner: str


def read_reply(body: bytes) -> Reply:
    """A completion's or a chat completion's first choice.

    Raises:
        NodeFault: OUTPUT_INVALID.
    """
    reply = _json(body)
    match reply:
        case {"choices": [{"finish_reason": "length"}, *_]}:
            raise refused("was cut off at its longest")
        case {"choices": [{"message": {"content": str(text)}, **choice}, *_]}:
            pass
        case {"choices": [{"text": str(text), **choice}, *_]}:
            pass
        case _:
            raise refused(f"has no answer in it: {shown(body)}")
    return Reply(text, _tokens(reply.get("usage")), _probability(choice.get("logprobs")))


def read_models(body: bytes) -> tuple[Listed, ...]:
    """A server's list of models.

    Raises:
        NodeFault: OUTPUT_INVALID.
    """
    match _json(body):
        case {"data": [*models]}:
            return tuple(_listed(model) for model in models)
    raise refused(f"lists no models: {shown(body)}")


def believed(pack: Pack, grammar: str, text: str, *, wrapped: bool = False) -> str:
    """The answer in the form that the grammar takes. `wrapped`: it came in the strict schema's form.

    Raises:
        NodeFault: OUTPUT_INVALID.
    """
    if len(text) > ANSWER_CHARS_MAX:
        raise refused(f"has {len(text)} characters")
    if wrapped:
        text = json_text(unwrapped(_json(text)))
    if accepts(grammar, text):
        return text
    canonical = json_text([_ordered(pack, call) for call in parse_answer(text)])
    if not accepts(grammar, canonical):
        raise refused(f"is outside the sentence's grammar: {shown(canonical)}")
    return canonical


def refused(why: str) -> NodeFault:
    """The server's answer is not one."""
    return NodeFault(Code.OUTPUT_INVALID, f"what the remote engine sent {why}")


def shown(words: bytes | str) -> str:
    """The beginning of a server's own words, on one line."""
    text = words if isinstance(words, str) else words[: 4 * SHOWN_CHARS_MAX].decode("utf-8", "replace")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= SHOWN_CHARS_MAX else f"{line[:SHOWN_CHARS_MAX]}…"


def _json(body: bytes | str) -> Any:
    try:
        return json.loads(body, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as problem:
        raise refused(f"is no JSON: {shown(body)}") from problem


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise refused("has a key twice")
    return found


def _listed(model: Any) -> Listed:
    match model:
        case {"id": str(name), **rest}:
            owner = rest.get("owned_by")
            return Listed(name, owner if isinstance(owner, str) else "")
    raise refused("lists a model without a name")


def _ordered(pack: Pack, call: Mapping[str, int | str]) -> dict[str, int | str]:
    """The call with its keys in schema order; unknown ones stay, last, for the grammar to refuse."""
    action = call["action"]
    spec = pack.action(action) if isinstance(action, str) else None
    names = ["action", *(slot.name for slot in spec.slots)] if spec and action != REJECT else ["action", "reason"]
    return {name: call[name] for name in [*(one for one in names if one in call), *call]}


def _tokens(usage: Any) -> int:
    match usage:
        case {"completion_tokens": int(count)} if count >= 0:
            return count
    return 0


def _probability(logprobs: Any) -> float | None:
    """The product of the tokens' probabilities; the two shapes are the chat's and the plain completion's."""
    match logprobs:
        case {"content": [*tokens]} if tokens:
            logs = [token.get("logprob") if isinstance(token, dict) else None for token in tokens]
        case {"token_logprobs": [*numbers]} if numbers:
            logs = numbers
        case _:
            return None
    known = [
        max(log, LOG_LEAST)
        for log in logs
        if isinstance(log, int | float) and not isinstance(log, bool) and log <= LOG_ROUNDING  # no NaN is
    ]
    return math.exp(min(0.0, sum(known))) if len(known) == len(logs) else None
