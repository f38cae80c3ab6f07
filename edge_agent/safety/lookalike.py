"""Letters that look like Latin letters, for reading a stop through any disguise.

Only the letters that the stop lexicon needs, after casefold. Source: Unicode Technical Standard 39, confusables.txt
(https://www.unicode.org/Public/security/latest/confusables.txt), lower-case letters also by the capital they come from
(the Cyrillic capital En reads H although its small letter does not). Decides nothing about names: a look-alike in a
robot's name is no such robot.
"""

from __future__ import annotations

import re
import unicodedata

# ruff: noqa: RUF001 - ambiguous letters are this file's subject

_LATIN_TO_LOOKALIKES = {
    "a": "аαɑᴀ",
    "b": "вβьʙ",
    "c": "сϲᴄ",
    "d": "ԁɗđᴅ",
    "e": "еεєҽᴇ",
    "f": "ƒꜰ",
    "g": "ɡցɢ",
    "h": "һнηհʜ",
    "i": "іιıɩɪӏ1|",
    "k": "кκᴋ",
    "l": "ⅼłʟ",
    "m": "мμᴍ",
    "n": "пոɴ",
    "o": "оοσօөѳɵø0ᴏ",
    "p": "рρþᴘ",
    "r": "гʀ",
    "s": "ѕꜱʂ5",
    "t": "тτŧᴛ",
    "u": "υսᴜ",
    "v": "νѵᴠ",
    "w": "ԝωшᴡ",
    "y": "уγүʏ",
    "z": "ζᴢ",
}
_TABLE = {ord(lookalike): latin for latin, shapes in _LATIN_TO_LOOKALIKES.items() for lookalike in shapes}
_DIGIT_SHAPES = frozenset("015|")

_BOXED_CAPITALS = (0x1F150, 0x1F170, 0x1F1E6)
"""Blocks of 26 capitals that NFKC leaves alone: negative circled, negative squared, regional indicators."""
_BOXED = {start + offset: chr(ord("a") + offset) for start in _BOXED_CAPITALS for offset in range(26)}
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Letters and symbols that show nothing; zero-width characters fall under their categories."""
_DROPPED_CATEGORIES = frozenset({"Cf", "Cc", "Cs", "Co", "Cn", "Mn", "Me"})


def plain_letters(text: str) -> str:
    """The text as a person would read it out: one width, small Latin letters, no accents, nothing invisible.

    White space stays white space; a digit is taken for a letter only inside a word that has letters.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text.translate(_BOXED)).casefold())
    seen = "".join(char for char in folded if not _is_hidden(char))
    return re.sub(r"\S+", lambda chunk: _read(chunk[0]), seen)


def _is_hidden(char: str) -> bool:
    return char in _INVISIBLE or (unicodedata.category(char) in _DROPPED_CATEGORIES and not char.isspace())


def _read(chunk: str) -> str:
    if any(char.isalpha() for char in chunk):
        return chunk.translate(_TABLE)
    return "".join(char if char in _DIGIT_SHAPES else _TABLE.get(ord(char), char) for char in chunk)
