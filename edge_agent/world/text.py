"""A sentence as words: which texts are read at all, and the words that the model and the linker see.

Decides the normalized words and their places in the original. Refuses texts that are empty, too long, or that hold
characters which people do not type and which make a text read differently from how it is stored. The words hold no
bracket and no line break, so a text can never forge a mark or end the prompt's line.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.world.mention import Word

_WHITESPACE_CONTROLS: Final = "\t\n\r"
_BIDI_OVERRIDES: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REPLACED: Final = {
    "\u2018": "'",
    "\u2019": "'",
    "\u201b": "'",
    "\u02bc": "'",
    "\u2032": "'",
    "`": "'",
    "\u00b4": "'",
    "\u2044": "/",
    "\u2212": "-",
    "\u00b0": "°",
    "\u00ba": "°",
    "\u2103": "°c",
    "\u2109": "°f",
    "&": " and ",
}
"""Characters read as others before NFKC, which would turn some of them into something else."""

_UNIT: Final = r"(?:°[cf]?(?![^\W\d_])|%|[^\W\d_]+)?"
_NUMBER: Final = r"(?:\d+(?:,\d{3})*(?:\.\d+)?(?:/\d+)?|(?<![^\s-])\.\d+)"
"""With a point in front it is a fraction only where it begins a word: ".5 meters", not "go.5 meters"."""
_WORD: Final = re.compile(
    rf"(?<![^\W_])-{_NUMBER}{_UNIT}(?![^\W_])"  # -18  -18°c
    r"|\d+(?::\d\d)+"  # 12:30
    rf"|{_NUMBER}{_UNIT}(?![^\W_])"  # 1,000  1.5  .5  1/2  50%  30°c  30cm
    r"|(?<![^\W_])[^\W\d_](?:\.[^\W\d_])+(?![^\W_])"  # a.c.
    r"|[^\W_]+(?:'[^\W\d_]+)*"  # words, with what follows an apostrophe
    r"|°[cf]?(?![^\W\d_])|%"
)


def check_text(text: str) -> None:
    """Refuse a text that cannot be a command.

    Raises:
        ClientFault: TOO_LONG, BAD_TEXT (control characters, lone surrogates, bidi overrides) or EMPTY_TEXT (no word).
    """
    if len(text) > limits.TEXT_CHARS_MAX:
        raise ClientFault(
            Code.TOO_LONG,
            f"the text has {len(text)} characters; at most {limits.TEXT_CHARS_MAX} are read",
            where="text",
        )
    for place, char in enumerate(text):
        if fault := _fault_of(char):
            raise ClientFault(
                Code.BAD_TEXT, f"character {place + 1} is {fault} (U+{ord(char):04X}); send plain text", where="text"
            )
    if not normalize(text):
        raise ClientFault(Code.EMPTY_TEXT, "the text holds no word", where="text")


def normalize(text: str) -> tuple[Word, ...]:
    """The words of a text: casefolded, compatibility forms and quotes made plain, punctuation gone.

    Numbers keep their decimals, fractions, `%` and `°`. A word keeps its apostrophes (`john's`, `don't`), an
    abbreviation loses its dots, hyphens part words. Each word's `start` and `end` slice its original out of `text`.
    """
    if text.isascii() and "&" not in text and "`" not in text:
        return tuple(Word(_said(found.group()), *found.span()) for found in _WORD.finditer(text.lower()))
    plain, origins = _plain(text)
    return tuple(
        Word(_said(found.group()), origins[found.start()][0], origins[found.end() - 1][1])
        for found in _WORD.finditer(plain)
    )


def words_of(text: str) -> tuple[str, ...]:
    """Only the normalized words, for names that need no offsets."""
    if text.isascii() and text.replace(" ", "").isalnum():  # most names: letters, digits and spaces read as they stand
        return tuple(text.lower().split())
    if text.isascii() and "&" not in text and "`" not in text:
        return tuple(map(_said, _WORD.findall(text.lower())))
    return tuple(map(_said, _WORD.findall(_plain(text)[0])))


def _said(found: str) -> str:
    """An abbreviation without its dots; a number keeps its point."""
    return found.replace(".", "") if "." in found and found[0].isalpha() else found


def _fault_of(char: str) -> str:
    if char >= " " and char.isascii() and char != "\x7f":
        return ""
    if char in _BIDI_OVERRIDES:
        return "a bidirectional override"
    category = unicodedata.category(char)
    if category == "Cs":
        return "a lone surrogate"
    if category == "Cc" and char not in _WHITESPACE_CONTROLS:
        return "a control character"
    return ""


def _plain(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text in plain characters and, for each of them, where in the original it came from."""
    plain: list[str] = []
    origins: list[tuple[int, int]] = []
    start = 0
    while start < len(text):
        end = start + 1
        while end < len(text) and (unicodedata.combining(text[end]) or _is_invisible(text[end])):
            end += 1
        for char in _plain_cluster(text[start:end]):
            plain.append(char)
            origins.append((start, end))
        start = end
    return "".join(plain), origins


def _plain_cluster(cluster: str) -> str:
    visible = "".join(char for char in cluster if not _is_invisible(char))
    if not visible:
        return ""
    if visible in _REPLACED:
        return _REPLACED[visible]
    if unicodedata.category(visible[0]) == "No" and "\u2044" in unicodedata.normalize("NFKC", visible):
        return f" {unicodedata.normalize('NFKC', visible)} ".replace("\u2044", "/")  # ½, so that 2½ is "2 1/2"
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    return "".join(_REPLACED.get(char, char) for char in folded if unicodedata.category(char) not in ("Cc", "Mn"))


def _is_invisible(char: str) -> bool:
    """Zero-width and other format characters, which part no word and stand for nothing."""
    return not char.isascii() and unicodedata.category(char) in ("Cf", "Cs", "Co", "Cn")
