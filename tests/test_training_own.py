"""A pack of one's own: a model file is read back, trained on the pack's phrases and written again."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("wordfreq")

import torch
from engine_models import write_tiny
from tokenizers import Tokenizer

from edge_agent.cli import main
from edge_agent.cli.exit_codes import Exit
from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.training.batches import Example, Stream, blocks_from_worker
from edge_agent.training.corpus import Corpus
from edge_agent.training.export import F16, Q8_0, Title, export
from edge_agent.training.finetune import MEASURED_AT, Course, Moment, Teacher
from edge_agent.training.lessons import Lessons, OwnPack
from edge_agent.training.model import Llama, Shape
from edge_agent.training.restore import restore
from edge_agent.training.tokenizer import (
    BEGIN,
    Vocabulary,
    prompt_of,
    rebuilt_tokenizer,
    train_tokenizer,
    vocabulary_of,
)

TITLE = Title("test", "0", "A model of a test.")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    examples = islice(Corpus(("kiosk",))(random.Random(1)), 300)
    return train_tokenizer([text for each in examples for text in (each.pack, each.marked, each.answer)], 700)


@pytest.fixture(scope="module")
def model(tokenizer: Tokenizer) -> Llama:
    torch.manual_seed(1)
    return Llama(Shape(tokenizer.get_vocab_size(), width=64, layers=2, heads=2, hidden=96))


@pytest.fixture(scope="module")
def file(model: Llama, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    export(model, tokenizer, path, F16, TITLE)
    return path


def test_a_file_read_back_computes_the_same(model: Llama, file: Path) -> None:
    """Shape, every tensor (rounded to the file's format) and so every score are those of the model that was written."""
    back = restore(file)
    assert back.model.shape == model.shape
    assert back.kind is F16
    ours, theirs = model.state_dict(), back.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(
        torch.equal(ours[name].half().float() if ours[name].dim() == 2 else ours[name], theirs[name]) for name in ours
    )
    tokens = torch.randint(0, model.shape.vocabulary, (3, 20))
    with torch.no_grad():
        assert torch.allclose(model.logits(model(tokens)), back.model.logits(back.model(tokens)), atol=5e-3)


def test_writing_again_what_was_read_changes_nothing(file: Path, tmp_path: Path) -> None:
    """Reading and writing in turn does not wear a model out: the second copy is the first."""
    first = restore(file)
    for kind in (F16, Q8_0):
        export(first.model, first.tokenizer, tmp_path / "again.gguf", kind, TITLE)
        again = restore(tmp_path / "again.gguf")
        assert again.kind is kind
        if kind is F16:
            assert all(map(torch.equal, first.model.parameters(), again.model.parameters()))
        export(again.model, again.tokenizer, tmp_path / "third.gguf", kind, TITLE)
        assert (tmp_path / "third.gguf").read_bytes() == (tmp_path / "again.gguf").read_bytes()


def test_the_tokenizer_comes_back_with_the_file(tokenizer: Tokenizer, file: Path) -> None:
    """Prompts, answers and arbitrary text fall into the same tokens as before."""
    back = restore(file).tokenizer
    rng = random.Random(5)
    letters = "abc xyz019 '.,!?[]{}\":\n\té漢😀ß-_"
    texts = ["".join(rng.choice(letters) for _ in range(rng.randint(1, 40))) for _ in range(200)]
    for example in islice(Corpus(("robot",))(rng), 60):
        texts += [BEGIN + prompt_of("greenhouse", example.marked), example.answer + "</s>"]
    assert [back.encode(text).ids for text in texts] == [tokenizer.encode(text).ids for text in texts]
    assert [back.decode(back.encode(text).ids) for text in texts] == [
        tokenizer.decode(tokenizer.encode(text).ids) for text in texts
    ]


def test_a_vocabulary_of_another_make_is_refused(tokenizer: Tokenizer) -> None:
    """Without the marks or the controls it is no tokenizer of ours, and nothing is trained on it."""
    whole = vocabulary_of(tokenizer)
    for tokens in (whole.tokens[:-1], whole.tokens[3:], ("[1", *whole.tokens[:-1])):
        with pytest.raises(ValueError):
            rebuilt_tokenizer(Vocabulary(tokens, whole.merges))


def test_only_a_model_of_our_make_is_trained_on(tmp_path: Path) -> None:
    """A missing file and a general model are refused by their codes before anything is trained."""
    for path, code in (
        (tmp_path / "none.gguf", Code.MODEL_MISSING),
        (write_tiny(tmp_path / "general.gguf"), Code.MODEL_NOT_TRAINABLE),
    ):
        with pytest.raises(ConfigurationFault) as refused:
            restore(path)
        assert refused.value.code is code


GREENHOUSE = OwnPack(str(Path(__file__).parent.parent / "examples" / "greenhouse" / "greenhouse.json"), ())


@dataclass(frozen=True)
class Wordless:
    """A source that fails, as a damaged file would let it."""

    def __call__(self, rng: random.Random) -> Iterator[Example]:
        raise ValueError("no sentences")


def test_a_failing_source_ends_the_training(tokenizer: Tokenizer) -> None:
    """When the process that makes sentences dies, the trainer says so and does not wait for ever."""
    with pytest.raises(NodeFault, match="has ended"):
        next(blocks_from_worker(Stream(Wordless(), 1), tokenizer))


def test_a_model_is_taught_and_saved(file: Path, tmp_path: Path) -> None:
    """Teaching in two stretches changes the weights, reports its way to the end, and saves a file that loads."""
    teacher = Teacher(restore(file), Course(Lessons(GREENHOUSE), seconds=600.0, steps=10))
    heard: list[Moment] = []
    assert teacher.keeps_back
    teacher.teach(heard.append)
    assert not teacher.keeps_back
    assert teacher.moment.done == MEASURED_AT
    teacher.finish(heard.append)
    assert teacher.moment.done == 1
    assert [moment.done for moment in heard] == sorted(moment.done for moment in heard)
    teacher.save(tmp_path / "taught.gguf", TITLE)
    taught, before = restore(tmp_path / "taught.gguf"), restore(file)
    assert taught.kind is before.kind
    assert not all(map(torch.equal, taught.model.parameters(), before.model.parameters()))


def test_a_broken_off_course_is_saved_and_gone_on_with(file: Path, tmp_path: Path) -> None:
    """Ctrl-C in the middle leaves a model that can be saved; from a checkpoint the course goes on where it was."""
    teacher = Teacher(restore(file), Course(Lessons(GREENHOUSE), seconds=600.0))

    def interrupt(moment: Moment) -> None:
        if moment.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teacher.teach(interrupt, tmp_path / "checkpoint")
    assert teacher.moment.step == 3
    teacher.save(tmp_path / "half.gguf", TITLE)
    restore(tmp_path / "half.gguf")
    teacher.keep(tmp_path / "checkpoint")
    other = Teacher(restore(file), Course(Lessons(GREENHOUSE), seconds=600.0))
    other.resume(tmp_path / "checkpoint")
    assert other.moment == teacher.moment


def test_the_verb_teaches_and_measures(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`edge-agent train` writes a model and says what it answers, before and after, and on the sentences to check."""
    monkeypatch.chdir(tmp_path)
    line = f"train --pack {GREENHOUSE.name} --model {file} --steps 5 --measure 4 --out own.gguf --json"
    assert main(line.split()) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["held_back_lines"] > 0
    for sort in ("before", "after"):
        assert told[sort]["seen"][1] == told[sort]["shipped"][1] == told["held_back"][sort][1] == 4
    assert told["check"]["examples"] == 89
    assert main(["models", "verify", "own.gguf", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["state"] == "whole"
    assert main(["models", "verify", "nothing.gguf"]) == Exit.CONFIGURATION
    assert not (tmp_path / "own.checkpoint").exists()


@pytest.mark.parametrize(
    ("more", "code"),
    [
        pytest.param("--out {file}", Code.SETTINGS_INVALID, id="over the model to begin with"),
        pytest.param("--out {folder}/nowhere/own.gguf", Code.SETTINGS_INVALID, id="no such folder"),
        pytest.param("--out {folder}/own.gguf --resume", Code.MODEL_MISSING, id="nothing to resume"),
        pytest.param("--out {folder}/own.gguf --check {file}", Code.EVAL_INVALID, id="no sentences"),
        pytest.param("--out {folder}/own.gguf --phrases none.yaml", Code.PHRASES_INVALID, id="no phrase file"),
    ],
)
def test_what_cannot_be_done_is_said_at_once(
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: str,
    code: Code,
) -> None:
    """A line that cannot lead to a model ends with its code, before any training."""
    paths = more.format(file=file, folder=tmp_path)
    line = f"train --pack {GREENHOUSE.name} --model {file} --measure 2 {paths}"
    assert main(line.split()) == Exit.CONFIGURATION
    assert code.value in capsys.readouterr().err


def test_without_the_training_libraries_it_says_what_to_install() -> None:
    """Help works without PyTorch; teaching without it ends with a code and the line to type."""
    missing = "import sys; sys.modules['torch'] = None; from edge_agent.cli import main; sys.exit(main(sys.argv[1:]))"

    def run(*line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", missing, *line], capture_output=True, text=True, check=False)

    assert run("train", "--help").returncode == 0
    refused = run("train", "--pack", GREENHOUSE.name)
    assert refused.returncode == Exit.CONFIGURATION
    assert "TRAINING_MISSING" in refused.stderr
    assert "pip install 'edge-agent[training]'" in refused.stderr
