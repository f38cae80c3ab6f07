"""Finding out how a server is spoken to, and that it keeps to a grammar: asked before anything rests on it.

Decides the kind of server from its list of models, and proves it with one question whose grammar has a single answer
that no model would give by itself. Refuses a server that answers anything else (OUTPUT_INVALID), that refuses the
question (ENGINE_UNAVAILABLE), or that leaves open what to ask (SETTINGS_INVALID).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.grammar.gbnf import json_text, to_gbnf
from edge_agent.language.remote_calls import Away, Response
from edge_agent.language.remote_dialects import OWNERS, Bound, Dialect, Manner, Sentence, request_body
from edge_agent.language.remote_options import AUTO, BUNDLED, RemoteOptions
from edge_agent.language.remote_reply import Listed, believed, read_models, read_reply, refused, shown
from edge_agent.messages.answer import RejectReason
from edge_agent.packs.base import REJECT, Pack

Ask = Callable[[str, bytes | None], Response]
"""A path and a body to POST, or None to GET; raises as `HttpServer.ask` does."""

BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses of a server that may answer the same question a moment later."""
_KEY: Final = frozenset({401, 403})
_NOT_THERE: Final = 404
_OK: Final = 200
_KNOWN: Final = [{"action": REJECT, "reason": RejectReason.AMBIGUOUS.value}]
_ONE_ANSWER: Final = {
    "oneOf": [
        {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"action": {"const": REJECT}, "reason": {"enum": [RejectReason.AMBIGUOUS.value]}},
                "required": ["action", "reason"],
                "additionalProperties": False,
            },
            "minItems": 1,
            "maxItems": 1,
        }
    ]
}
_SAID: Final = "hello there"


def look(ask: Ask, options: RemoteOptions, pack: Pack, lesson: Sentence) -> Manner:
    """How the server is spoken to. `lesson`: a sentence of the pack, for what comes before the question.

    Raises:
        ConfigurationFault: SETTINGS_INVALID.
        ClientFault, NodeFault: as `ask` does, and OUTPUT_INVALID.
    """
    manner = _manner(ask, options)
    manner.check()
    question = replace(lesson, marked=_SAID, grammar=to_gbnf(_ONE_ANSWER), schema=_ONE_ANSWER)
    wanted = options.probabilities and manner.dialect is not Dialect.TRANSFORMERS
    for probabilities in (True, False) if wanted else (False,):
        tried = replace(manner, probabilities=probabilities)
        response = ask(tried.path, json_text(request_body(tried, question)).encode())
        if response.status == _OK or not probabilities:
            break
    reply = read_reply(taken(response))
    if tried.bound is not Bound.NOTHING and not _is_known(pack, question.grammar, reply.text, tried.bound):
        raise refused(f"keeps to no {tried.bound} (dialect {tried.dialect}): {shown(reply.text)}")
    return replace(tried, probabilities=reply.probability is not None)


def taken(response: Response) -> bytes:
    """The body of a response that answers.

    Raises:
        NodeFault: ENGINE_UNAVAILABLE; `Away` when every question would fare like this one.
    """
    if response.status == _OK:
        return response.body
    if response.status in _KEY:  # without its words: some servers repeat the key
        raise Away(f"the remote engine refuses the key of remote.api_key_file, or wants one ({response.status})")
    told = f"the remote engine answered with status {response.status}: {shown(response.body)}"
    if response.status in BUSY or response.status == _NOT_THERE:
        raise Away(told)
    raise NodeFault(Code.ENGINE_UNAVAILABLE, told)


def _manner(ask: Ask, options: RemoteOptions) -> Manner:
    dialect = None if options.dialect == AUTO else Dialect(options.dialect)
    model = options.model
    if dialect is None or not model:
        listed = read_models(taken(ask("/v1/models", None)))
        chosen = next((one for one in listed if one.model == model), listed[0] if listed else Listed(model, ""))
        model = model or chosen.model
        dialect = dialect or OWNERS.get(chosen.owner) or _unlisted(ask)
    if not model:
        raise ConfigurationFault(Code.SETTINGS_INVALID, "the server lists no model; name one", where="remote.model")
    return Manner(dialect, model, bundled=options.prompt == BUNDLED)


def _unlisted(ask: Ask) -> Dialect:
    """Ollama lists whose model it is, not whose server; everything else unknown is asked as OpenAI's own is."""
    response = ask("/api/version", None)
    try:
        version = json.loads(response.body) if response.status == _OK else None
    except (ValueError, RecursionError):
        version = None
    return Dialect.OLLAMA if isinstance(version, dict) and set(version) == {"version"} else Dialect.OPENAI


def _is_known(pack: Pack, grammar: str, text: str, bound: Bound) -> bool:
    try:
        return believed(pack, grammar, text, wrapped=bound is Bound.STRICT_SCHEMA) == json_text(_KNOWN)
    except NodeFault:
        return False
