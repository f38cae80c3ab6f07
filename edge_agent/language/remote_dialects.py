"""What each kind of server is told, so that it answers within one sentence's grammar. Pure.

Decides the body of a request from the sentence, its grammar and its schema: the same messages for all, the greedy
choice, and the field in which this kind of server takes a grammar or a schema. Refuses (SETTINGS_INVALID) to send the
bundled model's own prompt to a server that holds no grammar over a plain completion.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from edge_agent.errors import Code, ConfigurationFault
from edge_agent.grammar.schema import JsonSchema
from edge_agent.language.examples import Example
from edge_agent.language.prompt import bundled_prompt
from edge_agent.language.remote_schema import plain_schema, strict_schema, wrapped
from edge_agent.limits import ANSWER_TOKENS_MAX

Body = dict[str, Any]


class Dialect(StrEnum):
    """A kind of server, by the field in which it takes what bounds an answer."""

    OPENAI = "openai"
    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_SERVER = "llama-server"
    LLAMA_CPP_PYTHON = "llama-cpp-python"
    TENSORRT_LLM = "tensorrt-llm"
    OLLAMA = "ollama"
    TRANSFORMERS = "transformers"


class Bound(StrEnum):
    """What a server holds an answer to."""

    GRAMMAR = "grammar"
    SCHEMA = "schema"
    STRICT_SCHEMA = "strict schema"
    NOTHING = "nothing"


BOUNDS: Final = {
    Dialect.OPENAI: Bound.STRICT_SCHEMA,
    Dialect.VLLM: Bound.GRAMMAR,
    Dialect.SGLANG: Bound.GRAMMAR,
    Dialect.LLAMA_SERVER: Bound.GRAMMAR,
    Dialect.LLAMA_CPP_PYTHON: Bound.GRAMMAR,
    Dialect.TENSORRT_LLM: Bound.GRAMMAR,
    Dialect.OLLAMA: Bound.SCHEMA,
    Dialect.TRANSFORMERS: Bound.NOTHING,
}
OWNERS: Final = {
    "vllm": Dialect.VLLM,
    "sglang": Dialect.SGLANG,
    "llamacpp": Dialect.LLAMA_SERVER,
    "me": Dialect.LLAMA_CPP_PYTHON,
    "tensorrt_llm": Dialect.TENSORRT_LLM,
    "library": Dialect.OLLAMA,
}
"""What servers write into `owned_by` of their list of models, by their own source."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a server is spoken to. `probabilities`: it is asked for those of its tokens. `bundled`: it runs the bundled
    model, which reads its own short prompt instead of messages."""

    dialect: Dialect
    model: str
    probabilities: bool = False
    bundled: bool = False

    @property
    def path(self) -> str:
        """Where a question goes."""
        return "/v1/completions" if self.bundled else "/v1/chat/completions"

    @property
    def bound(self) -> Bound:
        """What the server says it holds an answer to."""
        return BOUNDS[self.dialect]

    def check(self) -> None:
        """Return when the server can be spoken to in this manner.

        Raises:
            ConfigurationFault: SETTINGS_INVALID.
        """
        if self.bundled and self.bound is not Bound.GRAMMAR:
            why = f"{self.dialect} holds a plain completion to no grammar; leave out prompt, or name another server"
            raise ConfigurationFault(Code.SETTINGS_INVALID, why, where="remote.prompt")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence to ask about: its pack in words, its marked text, and what its answers may be."""

    pack: str
    system: str
    examples: tuple[Example, ...]
    marked: str
    grammar: str
    schema: JsonSchema


def request_body(manner: Manner, sentence: Sentence) -> Body:
    """The JSON object that is posted to `manner.path`."""
    body: Body = {"model": manner.model, "max_tokens": ANSWER_TOKENS_MAX, "temperature": 0, "stream": False}
    if manner.bundled:
        prompt = bundled_prompt(sentence.pack)
        # the server puts the model's own first token in front, and the words of a sentence can name no token
        before, after = ("".join(one.text for one in side if not one.special) for side in (prompt.before, prompt.after))
        body["prompt"] = f"{before}{sentence.marked}{after}"
    else:
        body["messages"] = _messages(manner, sentence)
    if manner.probabilities:
        body |= {"logprobs": 1} if manner.bundled else {"logprobs": True, "top_logprobs": 1}
    return body | _bounds(manner.dialect, sentence)


def _messages(manner: Manner, sentence: Sentence) -> list[dict[str, str]]:
    turns = [("system", sentence.system)]
    for marked, answer in sentence.examples:
        turns += [
            ("user", marked),
            ("assistant", wrapped(answer) if manner.bound is Bound.STRICT_SCHEMA else answer),
        ]
    turns.append(("user", sentence.marked))
    return [{"role": role, "content": content} for role, content in turns]


def _bounds(dialect: Dialect, sentence: Sentence) -> Body:
    match dialect:
        case Dialect.OPENAI:
            schema = {"name": "answer", "strict": True, "schema": strict_schema(sentence.schema)}
            return {"response_format": {"type": "json_schema", "json_schema": schema}}
        case Dialect.OLLAMA:
            plain = {"name": "answer", "schema": plain_schema(sentence.schema)}
            return {"response_format": {"type": "json_schema", "json_schema": plain}}
        case Dialect.VLLM:  # guided_grammar until 0.12, which took it out
            return {"structured_outputs": {"grammar": sentence.grammar}}
        case Dialect.SGLANG:
            return {"ebnf": sentence.grammar}
        case Dialect.TENSORRT_LLM:
            return {"response_format": {"type": "ebnf", "ebnf": sentence.grammar}}
        case Dialect.LLAMA_SERVER:
            return {"grammar": sentence.grammar}
        case Dialect.LLAMA_CPP_PYTHON:  # its default penalty of 1.1 would change the greedy answer
            return {"grammar": sentence.grammar, "repeat_penalty": 1.0}
        case Dialect.TRANSFORMERS:  # it refuses response_format and logprobs with status 422
            return {}
