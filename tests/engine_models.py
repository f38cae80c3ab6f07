"""Models and sentences for the engine's tests: random weights in the shipped format, mentions made by hand."""

from __future__ import annotations

import importlib
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

from edge_agent.world.entities import Entity
from edge_agent.world.mention import Linked, Mention, MentionType, Quantity, Unit, Word

ROOT = Path(__file__).resolve().parent.parent


@cache
def script(name: str) -> ModuleType:
    """A file of benchmarks/, which are scripts beside each other and no package."""
    folder = str(ROOT / "benchmarks")
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def make_model_module() -> ModuleType:
    """benchmarks/make_model.py."""
    return script("make_model")


def write_tiny(path: Path, *, merges: int = 400, quantization: str = "F32", **changes: int) -> Path:
    """A tiny model of random weights with the bundled tokenizer's format; without merges every byte is one token."""
    maker = make_model_module()
    shape = replace(maker.SHAPES["tiny"], **changes)
    maker.make_model(path, shape, maker.small_vocab(merges=merges), quantization=quantization)
    return path


def llama3_vocab() -> Path:
    """The real Llama 3 vocabulary, fetched once."""
    done = subprocess.run(
        [str(ROOT / "scripts" / "fetch-vocab.sh"), sys.executable], capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip().splitlines()[-1])


def tiny_llama3() -> Path:
    """A tiny model of random weights with the real Llama 3 vocabulary, made once."""
    script = make_model_module()
    path = ROOT / ".cache" / "models" / "tiny-llama3.gguf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".part")
        script.make_model(fresh, script.SHAPES["tiny"], script.read_vocab(llama3_vocab()))
        fresh.rename(path)
    return path


def sentence(text: str, *mentions: tuple[str, str, Entity | tuple[Entity, ...] | Quantity | None]) -> Linked:
    """A linked sentence: each mention is (label, its words in the text, what it is)."""
    found = []
    for label, words, thing in mentions:
        start = text.index(words)
        place = {"label": label, "start": start, "end": start + len(words), "text": words}
        match thing:
            case Quantity():
                found.append(Mention(MentionType.QUANTITY, **place, quantity=thing))
            case None:
                found.append(Mention(MentionType.WORD, **place))
            case Entity():
                found.append(Mention(MentionType.ENTITY, **place, candidates=(thing,)))
            case several:
                found.append(Mention(MentionType.ENTITY, **place, candidates=several))
    return Linked(text=text, words=_words(text), mentions=tuple(found), marked=_marked(text, found))


def _words(text: str) -> tuple[Word, ...]:
    words, place = [], 0
    for part in text.split(" "):
        words.append(Word(part.casefold().strip(".,"), place, place + len(part)))
        place += len(part) + 1
    return tuple(words)


def _marked(text: str, mentions: list[Mention]) -> str:
    marked = text.casefold()
    for mention in sorted(mentions, key=lambda one: -one.start):
        is_word = mention.type is MentionType.WORD
        inside = mention.label if is_word else f"{mention.label} {mention.text.casefold()}"
        marked = f"{marked[: mention.start]}[{inside}]{marked[mention.end :]}"
    return marked


RED_BOX = Entity("red box", "item")
DOCK = Entity("dock 3", "place", aliases=("dock three",))
JOHN = Entity("John", "person")
LAMP_HALL = Entity("hall lamp", "device", aliases=("lamp",), area="hall")
LAMP_ATTIC = Entity("attic lamp", "device", aliases=("lamp",), area="attic")

BRING = sentence(
    "Bring the red box from dock three to me",
    ("1", "red box", RED_BOX),
    ("2", "dock three", DOCK),
    ("me", "me", None),
)
FORWARD = sentence("move forward two metres", ("a", "two metres", Quantity(2.0, Unit.METRE)))
SAY = sentence("Say Hello there, John", ("1", "John", JOHN))
