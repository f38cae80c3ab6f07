"""Tokenizer, training and export: what is trained here is what llama.cpp then computes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("wordfreq")

import llama_cpp
import numpy as np
import torch
from tokenizers import Tokenizer

from edge_agent.training.batches import BATCH_TOKENS, Batch, Stream, blocks, blocks_from_worker
from edge_agent.training.corpus import Corpus
from edge_agent.training.export import F16, Q8_0, Title, export
from edge_agent.training.model import Shape
from edge_agent.training.tokenizer import BEGIN, END, MARKS, prompt_of, train_tokenizer
from edge_agent.training.train import Plan, Trainer

SMALL = 1024
BLOCK = 512
TITLE = Title("test", "0", "A model of a test.")


def robot(seed: int) -> Stream:
    return Stream(Corpus(("robot",)), seed, size=BLOCK)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    examples = islice(Corpus(("robot",))(random.Random(1)), 600)
    return train_tokenizer([text for each in examples for text in (each.pack, each.marked, each.answer)], SMALL)


@pytest.fixture(scope="module")
def trainer(tokenizer: Tokenizer) -> Trainer:
    """A tiny model after a few steps."""
    torch.set_num_threads(1)
    made = Trainer(
        Shape(tokenizer.get_vocab_size(), width=64, layers=2, heads=2, hidden=96), Plan(steps=40, warmup_steps=5)
    )
    made.run(blocks(robot(1), tokenizer), lambda _: None)
    return made


@pytest.fixture(scope="module")
def exported(trainer: Trainer, tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny-f16.gguf"
    export(trainer.model, tokenizer, path, F16, TITLE)
    return path


@pytest.fixture(scope="module")
def loaded(exported: Path) -> Iterator[llama_cpp.Llama]:
    llama = llama_cpp.Llama(str(exported), n_ctx=512, logits_all=True, n_threads=1, verbose=False)
    yield llama
    llama.close()


def test_every_mark_is_one_token(tokenizer: Tokenizer) -> None:
    """A mark costs one token wherever it stands, and digits stand alone."""
    for mark in MARKS:
        assert tokenizer.encode(f"the {mark} box").tokens.count(mark) == 1
    digits = [token.strip("Ġ") for token in tokenizer.encode("go 1234").tokens if any(map(str.isdigit, token))]
    assert digits == list("1234")


def test_llama_cpp_tokenizes_as_training_does(tokenizer: Tokenizer, loaded: llama_cpp.Llama) -> None:
    """Marked sentences and arbitrary text become the same tokens in llama.cpp."""
    rng = random.Random(7)
    texts = [prompt_of(each.pack, each.marked) for each in islice(Corpus(("robot",))(random.Random(2)), 150)]
    letters = "abc xyz019 '.,!?[]{}\":\n\té漢😀ß-_"
    texts += ["".join(rng.choice(letters) for _ in range(rng.randint(1, 30))) for _ in range(300)]
    for text in texts:
        assert loaded.tokenize(text.encode(), add_bos=False, special=False) == tokenizer.encode(text).ids, text


def test_user_text_cannot_write_a_control_token(loaded: llama_cpp.Llama) -> None:
    """With special tokens off, the end token's name is just letters."""
    assert loaded.token_eos() not in loaded.tokenize(END.encode(), add_bos=False, special=False)


def test_llama_cpp_computes_what_was_trained(trainer: Trainer, tokenizer: Tokenizer, loaded: llama_cpp.Llama) -> None:
    """The F16 file's scores in llama.cpp are PyTorch's, within the rounding of F16."""
    for example in islice(Corpus(("robot",))(random.Random(3)), 10):
        ids = tokenizer.encode(BEGIN + prompt_of(example.pack, example.marked) + example.answer).ids
        loaded.reset()
        loaded.eval(ids)
        theirs = np.array(loaded.scores[: len(ids)])
        with torch.no_grad():
            ours = trainer.model.logits(trainer.model(torch.tensor([ids])))[0].numpy()
        assert np.abs(theirs - ours).max() < 0.05


def test_the_small_file_is_half_the_size(
    trainer: Trainer, tokenizer: Tokenizer, exported: Path, tmp_path: Path
) -> None:
    """Q8_0 holds every matrix in about half of F16's bytes, and llama.cpp loads it."""
    small = tmp_path / "tiny-q8_0.gguf"
    export(trainer.model, tokenizer, small, Q8_0, TITLE)
    assert small.stat().st_size < 0.75 * exported.stat().st_size
    llama_cpp.Llama(str(small), n_ctx=64, verbose=False).close()


def test_training_learns(trainer: Trainer, tokenizer: Tokenizer) -> None:
    """A few steps already beat an untrained model by far on sentences not seen."""
    batch = next(blocks(robot(99), tokenizer))[0]
    tokens, weights = torch.from_numpy(batch.tokens), torch.from_numpy(batch.weights)
    fresh = Trainer(trainer.model.shape, Plan(steps=1))
    with torch.no_grad():
        assert trainer.loss(tokens, weights)[1] < 0.8 * fresh.loss(tokens, weights)[1]


def test_a_resumed_run_is_where_it_was(tokenizer: Tokenizer, trainer: Trainer, tmp_path: Path) -> None:
    """A checkpoint brings back weights, optimizers and progress."""
    trainer.save(tmp_path / "checkpoint.pt")
    other = Trainer(trainer.model.shape, trainer.plan)
    other.resume(tmp_path / "checkpoint.pt")
    assert other.progress == trainer.progress
    assert all(map(torch.equal, other.model.parameters(), trainer.model.parameters()))


def test_a_run_broken_off_and_gone_on_ends_where_a_whole_one_does(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """The same steps give the same weights, to the bit, with a rest between two blocks and in another trainer."""
    torch.set_num_threads(1)
    shape = Shape(tokenizer.get_vocab_size(), width=64, layers=1, heads=1, hidden=64)
    stream = list(islice(blocks(robot(4), tokenizer), 2))
    plan = Plan(steps=len(stream[0]) + len(stream[1]), warmup_steps=2)
    whole = Trainer(shape, plan, meanings(shape))
    whole.run(iter(stream), lambda _: None)
    begun = Trainer(shape, plan, meanings(shape))
    begun.run(iter(stream[:1]), lambda _: None)
    begun.save(tmp_path / "checkpoint.pt")
    torch.rand(7)  # whatever else draws in between
    going_on = Trainer(shape, plan, meanings(shape))
    going_on.resume(tmp_path / "checkpoint.pt")
    going_on.run(iter(stream[1:]), lambda _: None)
    assert going_on.progress.step == whole.progress.step == plan.steps
    assert all(map(torch.equal, going_on.model.parameters(), whole.model.parameters()))


def meanings(shape: Shape) -> dict[int, torch.Tensor]:
    """Vectors for a third of the tokens."""
    random_ = torch.Generator().manual_seed(3)
    return {token: torch.randn(shape.width, generator=random_) for token in range(0, shape.vocabulary, 3)}


def test_a_known_word_starts_at_its_meaning(tokenizer: Tokenizer) -> None:
    """Before training, tokens with a vector stand at it, in one scale; the others are anywhere."""
    shape = Shape(tokenizer.get_vocab_size(), width=64, layers=1, heads=1, hidden=64)
    vectors = meanings(shape)
    rows = Trainer(shape, Plan(steps=1), vectors).model.rows(torch.arange(shape.vocabulary)).detach()
    for token, vector in vectors.items():
        assert torch.allclose(rows[token] / rows[token].norm(), vector / vector.norm(), atol=1e-6)
    assert rows[1].norm() > 0


def test_the_exported_embeddings_are_those_that_trained(tokenizer: Tokenizer) -> None:
    """A model with its word space worked in scores as the one that was trained."""
    shape = Shape(tokenizer.get_vocab_size(), width=64, layers=1, heads=1, hidden=64)
    trained = Trainer(shape, Plan(steps=6, warmup_steps=1), meanings(shape))
    trained.run(blocks(robot(6), tokenizer), lambda _: None)
    tokens = torch.from_numpy(next(blocks(robot(7), tokenizer))[0].tokens)
    plain = trained.model.plain()
    trained.model.eval()
    with torch.no_grad():
        assert torch.allclose(trained.model.logits(trained.model(tokens)), plain.logits(plain(tokens)), atol=1e-5)


def test_batches_are_bounded_and_weigh_the_answer(tokenizer: Tokenizer) -> None:
    """A batch holds at most BATCH_TOKENS; every row scores its answer whole and nothing after its end."""
    for batch in next(blocks(robot(5), tokenizer))[:20]:
        assert batch.tokens.size <= BATCH_TOKENS
        pad = tokenizer.token_to_id("<pad>")
        end = tokenizer.token_to_id(END)
        for tokens, weights in zip(batch.tokens, batch.weights, strict=True):
            assert not weights[tokens == pad].any()
            assert weights[tokens == end].tolist() == [1.0]


@pytest.mark.parametrize("workers", [pytest.param(1, id="one"), pytest.param(2, id="two in turn")])
def test_workers_make_the_same_blocks(tokenizer: Tokenizer, workers: int) -> None:
    """Worker processes change where blocks are made, not what is in them nor their order."""
    stream = blocks_from_worker(robot(8), tokenizer, workers)
    made, expected = list(islice(stream, 3)), list(islice(blocks(robot(8), tokenizer), 3))
    stream.close()
    for one, other in zip(made, expected, strict=True):
        assert len(one) == len(other)
        assert all(map(_equal, one, other))


def _equal(one: Batch, other: Batch) -> bool:
    return np.array_equal(one.tokens, other.tokens) and np.array_equal(one.weights, other.weights)
