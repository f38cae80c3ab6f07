"""What each kind of server is told, in full; and what its schemas hold, by readers that such servers use."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine_models import BRING, sentence
from llama_cpp.llama_grammar import json_schema_to_gbnf

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.grammar.accepts import accepts
from edge_agent.grammar.gbnf import json_text
from edge_agent.grammar.schema import answer_schema
from edge_agent.grammar.selftest import trials
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.remote_dialects import BOUNDS, Bound, Dialect, Manner, Sentence, request_body
from edge_agent.language.remote_reply import believed
from edge_agent.language.remote_schema import plain_schema, strict_schema, unwrapped
from edge_agent.packs.registry import load_pack

ROBOT = load_pack("robot")
REFUSAL = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"action": {"const": "reject"}, "reason": {"enum": ["ambiguous", "unsupported"]}},
        "required": ["action", "reason"],
        "additionalProperties": False,
    },
    "minItems": 1,
    "maxItems": 1,
}
PICK: dict[str, Any] = {
    "type": "array",
    "items": {
        "oneOf": [
            {
                "type": "object",
                "properties": {"action": {"const": "pick"}, "object": {"enum": [1, "it"]}, "source": {"enum": [2]}},
                "required": ["action", "object"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"action": {"const": "say"}, "text": {"$ref": "#/$defs/span"}},
                "required": ["action", "text"],
                "additionalProperties": False,
            },
        ]
    },
    "minItems": 1,
    "maxItems": 6,
}
SCHEMA = {"oneOf": [PICK, REFUSAL], "$defs": {"span": {"type": "string", "x-words": ["pick", "it", "up"]}}}
SENTENCE = Sentence(
    pack="robot",
    system="You turn one sentence into actions.",
    examples=(("stop", '[{"action":"stop"}]'),),
    marked="pick [it] up",
    grammar='root ::= "[]"\n',
    schema=SCHEMA,
)
RUNS = ["pick", "pick it", "pick it up", "it", "it up", "up"]
TURNS = [
    {"role": "system", "content": "You turn one sentence into actions."},
    {"role": "user", "content": "stop"},
    {"role": "assistant", "content": '[{"action":"stop"}]'},
    {"role": "user", "content": "pick [it] up"},
]
COMMON = {"model": "m", "max_tokens": 512, "temperature": 0, "stream": False}
PLAIN = {
    "anyOf": [
        {**PICK, "items": {"anyOf": PICK["items"]["oneOf"]}},
        REFUSAL,
    ],
    "$defs": {"span": {"type": "string", "enum": RUNS}},
}
STRICT = {
    "type": "object",
    "properties": {
        "actions": {
            "anyOf": [
                {
                    "type": "array",
                    "items": {
                        "anyOf": [
                            {
                                "type": "object",
                                "properties": {
                                    "action": {"type": "string", "const": "pick"},
                                    "object": {"type": ["integer", "string"], "enum": [1, "it"]},
                                    "source": {"anyOf": [{"type": "integer", "enum": [2]}, {"type": "null"}]},
                                },
                                "required": ["action", "object", "source"],
                                "additionalProperties": False,
                            },
                            {
                                "type": "object",
                                "properties": {
                                    "action": {"type": "string", "const": "say"},
                                    "text": {"$ref": "#/$defs/span"},
                                },
                                "required": ["action", "text"],
                                "additionalProperties": False,
                            },
                        ]
                    },
                    "minItems": 1,
                    "maxItems": 6,
                },
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "action": {"type": "string", "const": "reject"},
                            "reason": {"type": "string", "enum": ["ambiguous", "unsupported"]},
                        },
                        "required": ["action", "reason"],
                        "additionalProperties": False,
                    },
                    "minItems": 1,
                    "maxItems": 1,
                },
            ]
        }
    },
    "required": ["actions"],
    "additionalProperties": False,
    "$defs": {"span": {"type": "string", "enum": RUNS}},
}
GRAMMAR = 'root ::= "[]"\n'


@pytest.mark.parametrize(
    ("dialect", "own"),
    [
        pytest.param(
            "openai",
            {
                "messages": [
                    *TURNS[:2],
                    {"role": "assistant", "content": '{"actions":[{"action":"stop"}]}'},
                    TURNS[3],
                ],
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "strict": True, "schema": STRICT},
                },
            },
            id="openai",
        ),
        pytest.param(
            "ollama",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": PLAIN}}},
            id="ollama",
        ),
        pytest.param("vllm", {"structured_outputs": {"grammar": GRAMMAR}}, id="vllm"),
        pytest.param("sglang", {"ebnf": GRAMMAR}, id="sglang"),
        pytest.param("tensorrt-llm", {"response_format": {"type": "ebnf", "ebnf": GRAMMAR}}, id="tensorrt-llm"),
        pytest.param("llama-server", {"grammar": GRAMMAR}, id="llama-server"),
        pytest.param("llama-cpp-python", {"grammar": GRAMMAR, "repeat_penalty": 1.0}, id="llama-cpp-python"),
        pytest.param("transformers", {}, id="transformers"),
    ],
)
def test_each_kind_of_server_is_told_in_its_own_field(dialect: str, own: dict[str, Any]) -> None:
    """The same messages and the greedy choice for all, and nothing else that a strict server would refuse."""
    assert request_body(Manner(Dialect(dialect), "m"), SENTENCE) == {**COMMON, "messages": TURNS, **own}


def test_the_bundled_model_reads_its_own_prompt() -> None:
    """Without its first token, which the server puts in front by itself."""
    asked = Manner(Dialect.VLLM, "m", probabilities=True, bundled=True)
    own = {"prompt": "robot\npick [it] up\n", "logprobs": 1, "structured_outputs": {"grammar": GRAMMAR}}
    assert request_body(asked, SENTENCE) == {**COMMON, **own}
    assert asked.path == "/v1/completions"


def test_probabilities_are_asked_for_in_the_chats_own_way() -> None:
    body = request_body(Manner(Dialect.SGLANG, "m", probabilities=True), SENTENCE)
    assert (body["logprobs"], body["top_logprobs"]) == (True, 1)


@pytest.mark.parametrize("dialect", [one for one in Dialect if BOUNDS[one] is not Bound.GRAMMAR])
def test_a_completion_that_no_grammar_holds_is_refused(dialect: Dialect) -> None:
    with pytest.raises(ConfigurationFault) as refused:
        Manner(dialect, "m", bundled=True).check()
    assert refused.value.code is Code.SETTINGS_INVALID


def _required_first(schema: Any, answer: str) -> str:
    """The answer with its keys as llama.cpp's converter orders them."""
    required = {
        item["properties"]["action"]["const"]: item["required"]
        for branch in schema["oneOf"]
        for item in branch["items"].get("oneOf", [branch["items"]])
    }
    calls = json.loads(answer)
    return json_text([{name: call[name] for name in (*required[call["action"]], *call)} for call in calls])


@pytest.mark.parametrize("name", ["robot", "home", "kiosk"])
def test_the_plain_schema_holds_what_the_grammar_holds(name: str) -> None:
    """By llama.cpp's own conversion, which Ollama uses: every answer is one, in some order, and nothing else."""
    pack = load_pack(name)
    for trial in trials(pack):
        # no sentence's word holds a quotation mark, which this converter escapes wrongly
        schema = json.loads(json.dumps(answer_schema(pack, trial.linked)).replace(r"\"nice\"", "nice"))
        grammar = json_schema_to_gbnf(json.dumps(plain_schema(schema)))
        for answer in trial.valid:
            ordered = _required_first(schema, answer.replace(r"\"nice\"", "nice"))
            assert accepts(grammar, ordered), (trial.name, ordered)
            assert believed(pack, trial.grammar, _required_first(schema, answer)) == answer
        for answer in trial.invalid:
            assert not accepts(grammar, answer), (trial.name, answer)


@pytest.mark.parametrize("name", ["robot", "home", "kiosk"])
def test_the_strict_schema_asks_for_every_key(name: str) -> None:
    """As OpenAI's strict mode wants it: an object at the root, closed objects, all keys required, no oneOf."""
    pack = load_pack(name)

    def check(schema: Any) -> None:
        match schema:
            case {"type": "object", "properties": properties, "required": required, "additionalProperties": False}:
                assert list(properties) == required
                for slot in properties.values():
                    check(slot)
            case {"type": "array", "items": items}:
                check(items)
            case {"anyOf": branches}:
                for branch in branches:
                    check(branch)
            case {"$ref": "#/$defs/span"} | {"type": _}:
                assert "properties" not in schema
            case _:
                pytest.fail(f"{schema} has no type")

    for trial in trials(pack):
        strict = strict_schema(answer_schema(pack, trial.linked))
        assert strict["type"] == "object"
        check({key: value for key, value in strict.items() if key != "$defs"})


def test_nulls_of_the_strict_form_are_slots_left_out() -> None:
    actions = {"actions": [{"action": "pick", "object": 1, "source": None}]}
    assert unwrapped(actions) == [{"action": "pick", "object": 1}]
    for wrong in ([], {}, {"actions": {}}, {"actions": [], "more": 1}, "actions"):
        with pytest.raises(NodeFault) as refused:
            unwrapped(wrong)
        assert refused.value.code is Code.OUTPUT_INVALID


LONG = sentence(
    "tell everybody in this large hall that the coffee in the small kitchen is ready now and that it's -18°c outside"
)


def test_a_long_sentences_span_is_a_pattern_of_its_words() -> None:
    """Wider than the span, as no schema can count along a sentence; the grammar of the sentence holds the rest."""
    schema = plain_schema(answer_schema(ROBOT, LONG))
    assert len(json.dumps(schema)) < 4_000
    grammar = json_schema_to_gbnf(json.dumps(schema))
    said = {
        text: json_text([{"action": "say", "text": text}])
        for text in ("the coffee in the small kitchen", "it's -18°c outside", "coffee the outside", "tea")
    }
    assert [text for text, answer in said.items() if not accepts(grammar, answer)] == ["tea"]
    own = json_text([{"action": "say", "text": "coffee the outside"}])
    with pytest.raises(NodeFault) as refused:
        believed(ROBOT, SentenceGrammars(ROBOT).for_sentence(LONG), own)
    assert refused.value.code is Code.OUTPUT_INVALID


def test_a_strict_answer_is_believed_in_the_sentences_own_form() -> None:
    grammar = SentenceGrammars(ROBOT).for_sentence(BRING)
    text = '{"actions": [{"action": "bring", "object": 1, "source": null, "destination": "me"}]}'
    assert believed(ROBOT, grammar, text, wrapped=True) == '[{"action":"bring","object":1,"destination":"me"}]'
    with pytest.raises(NodeFault):
        believed(ROBOT, grammar, '{"actions": [], "actions": [{"action": "stop"}]}', wrapped=True)
