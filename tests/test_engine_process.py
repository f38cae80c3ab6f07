"""The engine in its own process: what it answers, and that its death costs one answer and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from engine_models import BRING, ROOT, write_tiny

from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, NodeFault
from edge_agent.grammar.general import general_gbnf
from edge_agent.grammar.resolve import resolve
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.packs.base import ChoiceSlot, SlotSpec
from edge_agent.packs.registry import load_pack
from edge_agent.world.mention import Dialogue
from edge_agent.world.store import World

ROBOT = load_pack("robot")
GRAMMAR = SentenceGrammars(ROBOT).for_sentence(BRING)
CLOCK = SystemClock()


def request(ttl_ms: float = 60_000, **changes: str) -> DecideRequest:
    fields = {"pack": "robot", "marked": BRING.marked, "grammar": GRAMMAR} | changes
    return DecideRequest(**fields, deadline_ms=CLOCK.now_ms() + ttl_ms)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="module")
def engine(model: Path) -> Iterator[EngineProcess]:
    """One engine for all tests: each leaves it ready, as the node would find it."""
    with EngineProcess(EngineOptions(model), (ROBOT,)) as process:
        yield process


def test_it_answers_what_the_grammar_allows_and_always_the_same(engine: EngineProcess) -> None:
    decision = engine.decide(request())
    resolution = resolve(ROBOT, decision.answer, BRING, World.of([]), Dialogue(), None, None)
    assert resolution.actions or resolution.reject
    assert 0.0 < decision.confidence <= 1.0
    assert decision.passes < decision.tokens
    assert engine.decide(request()).answer == decision.answer


def test_it_says_what_it_found_out_about_itself(engine: EngineProcess) -> None:
    facts = engine.facts
    assert facts["style"] == "bundled"
    assert facts["grammar_trials"] > 100
    assert facts["n_ctx"] >= 2_048
    assert facts["vocab"] > 256


def test_a_deadline_that_has_passed_is_expired(engine: EngineProcess) -> None:
    pid = engine.pid
    with pytest.raises(ClientFault) as late:
        engine.decide(request(ttl_ms=0))
    assert late.value.code is Code.EXPIRED
    assert engine.pid == pid


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"grammar": "root ::= ("}, Code.GRAMMAR_INVALID, id="a broken grammar"),
        pytest.param({"grammar": 'root ::= "a" root | root "b"'}, Code.GRAMMAR_INVALID, id="left recursion"),
        pytest.param({"pack": "garden"}, Code.ENGINE_UNAVAILABLE, id="a pack it has no prompt for"),
    ],
)
def test_a_bad_request_is_refused_and_the_engine_lives(
    engine: EngineProcess, changes: dict[str, str], code: Code
) -> None:
    pid = engine.pid
    with pytest.raises(NodeFault) as refused:
        engine.decide(request(**changes))
    assert refused.value.code is code
    assert engine.pid == pid
    assert engine.decide(request()).answer


def test_a_sentence_beyond_the_context_is_too_long(engine: EngineProcess) -> None:
    with pytest.raises(ClientFault) as refused:
        engine.decide(request(marked="zq" * 4_000))
    assert refused.value.code is Code.PROMPT_TOO_LONG
    assert engine.decide(request()).answer


def test_a_killed_engine_costs_one_answer_and_comes_back(engine: EngineProcess) -> None:
    """kill -9: the request in flight is ENGINE_CRASHED, the next one waits for the new engine and is answered."""
    before, restarts = engine.decide(request()).answer, engine.restarts
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    failed = 0
    for _ in range(3):
        try:
            assert engine.decide(request()).answer == before
        except NodeFault as crash:
            assert crash.code is Code.ENGINE_CRASHED
            failed += 1
    assert failed <= 1
    assert engine.restarts == restarts + 1
    assert engine.pid != pid


def test_a_hanging_engine_is_killed_at_the_deadline(engine: EngineProcess) -> None:
    """SIGSTOP stands for a pass that never returns."""
    pid = engine.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ClientFault) as late:
        engine.decide(request(ttl_ms=50))
    assert late.value.code is Code.EXPIRED
    assert engine.wait_ready(60)
    assert engine.pid != pid
    assert engine.decide(request()).answer


def test_a_closed_engine_answers_nothing_more(model: Path) -> None:
    process = EngineProcess(EngineOptions(model), (ROBOT,))
    process.start()
    pid = process.pid
    process.close()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(NodeFault) as closed:
        process.decide(request())
    assert closed.value.code is Code.ENGINE_UNAVAILABLE


def test_a_missing_model_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault) as refused:
        EngineProcess(EngineOptions(tmp_path / "none.gguf"), (ROBOT,)).start()
    assert refused.value.code is Code.MODEL_MISSING


def test_a_model_with_another_hash_never_reaches_llama_cpp(model: Path) -> None:
    with pytest.raises(ConfigurationFault) as refused:
        EngineProcess(EngineOptions(model, sha256="0" * 64), (ROBOT,)).start()
    assert refused.value.code is Code.MODEL_HASH_MISMATCH


def test_a_model_cut_off_inside_its_last_tensor_is_damaged(model: Path, tmp_path: Path) -> None:
    """The header is whole, so llama.cpp sees it and refuses; the node is told so."""
    short = tmp_path / "short.gguf"
    short.write_bytes(model.read_bytes()[:-64])
    with pytest.raises(ConfigurationFault) as refused:
        EngineProcess(EngineOptions(short), (ROBOT,)).start()
    assert refused.value.code is Code.MODEL_DAMAGED


def test_a_model_that_kills_its_engine_at_the_first_decode_is_a_clear_error(tmp_path: Path) -> None:
    """It loads and then trips an assertion of native code, with and without the extra matrix kernels."""
    bad = write_tiny(tmp_path / "bad.gguf", kv_heads=3)
    with closing(EngineProcess(EngineOptions(bad), (ROBOT,))) as process:
        with pytest.raises(NodeFault) as crashed:
            process.start()
        assert crashed.value.code is Code.ENGINE_CRASHED
        assert "GGML_ASSERT" in crashed.value.message
        with pytest.raises(NodeFault) as away:
            process.decide(request())
        assert away.value.code is Code.ENGINE_UNAVAILABLE


def test_a_style_that_the_vocabulary_cannot_write_is_refused(model: Path) -> None:
    with pytest.raises(ConfigurationFault) as refused:
        EngineProcess(EngineOptions(model, style="llama3"), (ROBOT,)).start()
    assert "<|begin_of_text|>" in refused.value.message


PARENT = """
import sys, time
from pathlib import Path
from edge_agent.language.options import EngineOptions
from edge_agent.language.process import EngineProcess
from edge_agent.packs.base import ChoiceSlot, SlotSpec
from edge_agent.packs.registry import load_pack
engine = EngineProcess(EngineOptions(Path(sys.argv[1])), (load_pack("kiosk"),))
engine.start()
print(engine.pid, flush=True)
time.sleep(600)
"""


def test_the_engine_dies_with_its_node(model: Path) -> None:
    """The node is killed without any chance to clean up; no engine is left behind."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(model)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert parent.stdout is not None
    with parent:
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    for _ in range(500):
        if _gone(pid):
            break
        time.sleep(0.02)
    assert _gone(pid)


def _gone(pid: int) -> bool:
    """Whether a process has ended (a zombie that nobody has fetched yet has)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_the_engine_inherits_no_keys(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment holds what a library needs, not what a node knows."""
    monkeypatch.setenv("EDGE_AGENT_SECRET", "hunter2")
    with EngineProcess(EngineOptions(model), (load_pack("kiosk"),)) as process:
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"hunter2" not in environment
    assert b"PYTHONPATH" in environment


def test_a_pack_that_cannot_be_told_to_a_model_is_said_at_the_start(model: Path) -> None:
    """Whatever goes wrong while a pack's trials are made, whoever starts the engine hears of it."""
    nothing_to_choose = replace(ROBOT.actions[0], slots=(SlotSpec("place", ChoiceSlot(()), required=True),))
    broken = replace(ROBOT, actions=(nothing_to_choose,))
    with closing(EngineProcess(EngineOptions(model), (broken,))) as process, pytest.raises(NodeFault) as refused:
        process.start(timeout_s=60)
    assert refused.value.code is Code.ENGINE_UNAVAILABLE


def test_an_owners_grammar_that_says_something_else_is_never_used(model: Path) -> None:
    """Both readers take the pack's own general form; one action under another name, and the engine does not start."""
    sound = replace(ROBOT, grammar=general_gbnf(ROBOT))
    with EngineProcess(EngineOptions(model), (sound,)) as engine:
        assert engine.facts["grammar_trials"] > 100
    lying = replace(ROBOT, grammar=general_gbnf(ROBOT).replace("go_to", "go_two"))
    with closing(EngineProcess(EngineOptions(model), (lying,))) as engine:
        with pytest.raises(NodeFault) as refused:
            engine.start()
        assert refused.value.code is Code.GRAMMAR_INVALID
        assert refused.value.where == "robot.go_to"
