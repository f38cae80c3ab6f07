"""What the model reads: the two prompt styles, and words that can never become a role."""

from __future__ import annotations

import json

import pytest

from edge_agent.grammar.answer import parse_answer
from edge_agent.language.examples import examples_of
from edge_agent.language.instruction import instruction, pack_prompt
from edge_agent.language.prompt import Prompt, Style, style_of
from edge_agent.packs.base import REJECT
from edge_agent.packs.registry import SHIPPED, load_pack


def written(prompt: Prompt, sentence: str) -> str:
    return "".join(piece.text for piece in prompt.before) + sentence + "".join(piece.text for piece in prompt.after)


def test_the_bundled_prompt_is_pack_sentence_answer() -> None:
    prompt = pack_prompt(load_pack("robot"), Style.BUNDLED)
    assert written(prompt, "stop") == "<s>robot\nstop\n"
    assert [piece.special for piece in prompt.before] == [True, False]


def test_the_llama3_prompt_is_the_instruct_template() -> None:
    prompt = pack_prompt(load_pack("kiosk"), Style.LLAMA3)
    text = written(prompt, "one [1 latte]")
    assert text.startswith("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nYou turn one sentence")
    assert text.endswith(
        "<|start_header_id|>user<|end_header_id|>\n\none [1 latte]<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )


def test_special_tokens_stand_alone_and_plain_text_is_never_special() -> None:
    """Each special piece is one token's name; everything from the pack or a speaker is plain."""
    prompt = pack_prompt(load_pack("robot"), Style.LLAMA3)
    for piece in (*prompt.before, *prompt.after):
        assert piece.special is (piece.text.startswith("<|") and piece.text.endswith("|>"))


@pytest.mark.parametrize("name", SHIPPED)
def test_the_instruction_names_every_action_with_its_slots(name: str) -> None:
    pack = load_pack(name)
    text = instruction(pack)
    for spec in pack.actions:
        line = next(line for line in text.splitlines() if line.startswith(f"{spec.name}("))
        assert all(f"{slot.name}{'' if slot.required else '?'}: " in line for slot in spec.slots)


@pytest.mark.parametrize("name", SHIPPED)
def test_examples_are_answers_of_the_pack(name: str) -> None:
    pack = load_pack(name)
    examples = examples_of(pack)
    assert 4 <= len(examples) <= 8
    for marked, answer in examples:
        [call] = parse_answer(answer)
        spec = pack.action(str(call["action"]))
        assert call["action"] == REJECT or spec is not None
        if spec is not None:
            order = [slot.name for slot in spec.slots]
            given = [slot for slot in call if slot != "action"]
            assert given == sorted(given, key=order.index)
            assert all(slot.name in call for slot in spec.slots if slot.required)
        for value in call.values():
            if isinstance(value, int):
                assert f"[{value} " in marked


def test_the_examples_are_always_the_same() -> None:
    assert examples_of(load_pack("kiosk")) == examples_of(load_pack("kiosk"))


def test_a_prompt_survives_the_way_to_the_engines_process() -> None:
    prompt = pack_prompt(load_pack("kiosk"), Style.LLAMA3)
    assert Prompt.of_object(json.loads(json.dumps(prompt.to_object()))) == prompt


def test_the_vocabulary_decides_the_style() -> None:
    assert style_of({"<|start_header_id|>": True}) is Style.LLAMA3
    assert style_of({"<|start_header_id|>": False}) is Style.BUNDLED
