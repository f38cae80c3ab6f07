"""The models that can be pulled by name: where each lies, which files it has, what it is for. Pure.

Decides names only. No hash stands here: what a file must be is the hub's own record at the commit that is fetched.
Refuses a name that it does not know with MODEL_UNKNOWN, listing those it does.

The Whisper repositories are the ones that faster-whisper names for its sizes. The Llama files are public conversions:
Meta's own repositories ask for an account and a yes to the licence, and hold no GGUF.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from edge_agent.errors import Code, ConfigurationFault

Sort = Literal["whisper", "gguf"]
"""A Whisper folder in CTranslate2's format, or one GGUF file."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One model that can be pulled: `files` of `repository`, together about `megabytes`."""

    name: str
    sort: Sort
    repository: str
    files: tuple[str, ...]
    megabytes: int
    licence: str
    words: str
    """What it is, for the list."""
    aliases: tuple[str, ...] = ()


_PLAIN: Final = ("config.json", "model.bin", "tokenizer.json", "vocabulary.txt")
_THIRD: Final = ("config.json", "model.bin", "preprocessor_config.json", "tokenizer.json", "vocabulary.json")
"""Whisper large-v3 and what came of it hear 128 mel bands, and say so in a file of their own."""


def _whisper(size: str, megabytes: int, words: str, *, repository: str = "", also: tuple[str, ...] = ()) -> Offer:
    return Offer(
        name=f"whisper-{size}",
        sort="whisper",
        repository=repository or f"Systran/faster-whisper-{size}",
        files=_THIRD if size in ("large-v3", "turbo") else _PLAIN,
        megabytes=megabytes,
        licence="MIT",
        words=words,
        aliases=(size, *also),
    )


def _llama(version: str, licence: str) -> Offer:
    stem = f"Meta-Llama-{version}-8B-Instruct"
    return Offer(
        name=f"llama-{version}-8b-instruct",
        sort="gguf",
        repository=f"bartowski/{stem}-GGUF",
        files=(f"{stem}-Q4_K_M.gguf",),
        megabytes=4_921,
        licence=licence,
        words=f"Llama {version} 8B instruct, Q4_K_M; for a GPU of 8 GB or more",
        aliases=(f"llama-{version}",),
    )


OFFERS: Final[tuple[Offer, ...]] = (
    _whisper(
        "turbo",
        1_624,
        "large-v3 with a short decoder; for a GPU",
        repository="mobiuslabsgmbh/faster-whisper-large-v3-turbo",
        also=("large-v3-turbo",),
    ),
    _whisper("large-v3", 3_091, "99 languages; for a GPU", also=("large",)),
    _whisper("medium.en", 1_531, "English"),
    _whisper("medium", 1_531, "99 languages"),
    _whisper("small.en", 486, "English"),
    _whisper("small", 486, "99 languages"),
    _whisper("base.en", 148, "English; for a few CPU cores"),
    _whisper("base", 148, "99 languages; for a few CPU cores"),
    _whisper("tiny.en", 78, "English; for a few CPU cores"),
    _whisper("tiny", 78, "99 languages; for a few CPU cores"),
    _llama("3", "Llama 3 Community License"),
    _llama("3.1", "Llama 3.1 Community License"),
)
"""Of each sort, the better before the worse; English is what the packs speak, so `.en` is better than none."""


def offer_of(name: str) -> Offer:
    """The model of this name or alias, whatever its case.

    Raises:
        ConfigurationFault: MODEL_UNKNOWN.
    """
    wanted = name.strip().lower()
    for offer in OFFERS:
        if wanted == offer.name or wanted in offer.aliases:
            return offer
    known = ", ".join(offer.name for offer in OFFERS)
    raise ConfigurationFault(Code.MODEL_UNKNOWN, f"no such model; there are {known}", where=name)


def rank_of(name: str) -> int:
    """The place of a name in the catalogue, better first; names that are not in it come last."""
    return next((place for place, offer in enumerate(OFFERS) if offer.name == name), len(OFFERS))


def is_whisper(files: Iterable[str]) -> bool:
    """Whether these are the files of a whole Whisper folder."""
    names = set(files)
    return names >= {"config.json", "model.bin", "tokenizer.json"} and bool(
        names & {"vocabulary.txt", "vocabulary.json"}
    )
