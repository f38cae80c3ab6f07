"""Writes edge_agent/training/nouns.toml: common concrete English nouns, for the names of training worlds and of things
that are not in them.

    python scripts/write-nouns.py [/usr/share/wordnet]

Source: WordNet 3.0 (Debian's `wordnet-base`), words whose first noun sense is of a concrete lexicographer file, and
`wordfreq` for which of them people use. The licence allows passing it on with its notice, which heads the file.
"""

from __future__ import annotations

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from wordfreq import zipf_frequency

OUT = Path(__file__).parents[1] / "edge_agent" / "training" / "nouns.toml"
FILES = {"05": "animal", "06": "artifact", "13": "food", "20": "plant"}
"""WordNet's lexicographer files by number; see lexnames(5WN)."""
ZIPF_MIN = 2.9
"""Rarer words are left out; 3 is once in a million words."""
COMPOUNDS = 220
NOUN_SHARE_MIN = 0.7
"""How much of a word's use in WordNet's tagged texts must be as this noun: "spoke" is mostly said for speaking."""
_LEFT_OUT = """
street africa europe asia american americana works facing recording lower spoke colors segment quarters flats hookup
innovation modernism opium heroin cocaine brothel gallows rifle shotgun revolver firearm ammunition ammo harem drug sham
coping trench shrapnel contraceptive thong scourge shooter bomber alcohol meat spirits trapping"""
LEFT_OUT = frozenset(_LEFT_OUT.split())
"""Words that are no things to fetch or switch, or that no robot should hear of."""
NOTICE = """\
Common concrete English nouns and compounds, commonest first. Made by scripts/write-nouns.py; do not edit by hand.
Words and classes are taken from WordNet 3.0, whose notice follows.

WordNet Release 3.0. This software and database is being provided to you, the LICENSEE, by Princeton University
under the following license. By obtaining, using and/or copying this software and database, you agree that you
have read, understood, and will comply with these terms and conditions: Permission to use, copy, modify and
distribute this software and database and its documentation for any purpose and without fee or royalty is hereby
granted, provided that you agree to comply with the following copyright notice and statements, including the
disclaimer, and that the same appear on ALL copies of the software, database and documentation, including
modifications that you make for internal use or for distribution. WordNet 3.0 Copyright 2006 by Princeton
University. All rights reserved. THIS SOFTWARE AND DATABASE IS PROVIDED "AS IS" AND PRINCETON UNIVERSITY MAKES NO
REPRESENTATIONS OR WARRANTIES, EXPRESS OR IMPLIED. BY WAY OF EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY
MAKES NO REPRESENTATIONS OR WARRANTIES OF MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF
THE LICENSED SOFTWARE, DATABASE OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS, TRADEMARKS
OR OTHER RIGHTS. The name of Princeton University or Princeton may not be used in advertising or publicity
pertaining to distribution of the software and/or database. Title to copyright in this software, database and any
associated documentation shall at all times remain with Princeton University and LICENSEE agrees to preserve same."""


def main(folder: Path) -> int:
    """Write the file from WordNet's index and data."""
    concrete = dict(_concrete(folder))
    single = {word: kind for word, kind in concrete.items() if "_" not in word and word not in LEFT_OUT}
    text = "\n".join(f"# {line}" if line else "#" for line in NOTICE.splitlines()) + "\n"
    for kind in FILES.values():
        words = sorted(
            (word for word, its in single.items() if its == kind and _rarity(word) <= -ZIPF_MIN), key=_rarity
        )
        text += _entry(kind, words)
    compounds = [
        word.replace("_", "-")
        for word, kind in concrete.items()
        if word.count("_") == 1 and kind in ("artifact", "food") and all(part in single for part in word.split("_"))
    ]
    compounds.sort(key=lambda word: -zipf_frequency(word.replace("-", " "), "en"))
    text += _entry("compound", compounds[:COMPOUNDS])
    OUT.write_text(text, encoding="utf-8")
    return 0


def _concrete(folder: Path) -> Iterator[tuple[str, str]]:
    """Lemmas whose first noun sense is a concrete thing, with its sort."""
    sorts = {
        line.split(maxsplit=2)[0]: line.split(maxsplit=2)[1]
        for line in (folder / "data.noun").read_text(encoding="latin-1").splitlines()
        if not line.startswith(" ")
    }
    uses = _uses(folder)
    for line in (folder / "index.noun").read_text(encoding="latin-1").splitlines():
        if line.startswith(" "):
            continue
        fields = line.split()
        lemma, senses = fields[0], fields[-int(fields[2]) :]
        kind = FILES.get(sorts[senses[0]])
        if kind and lemma.replace("_", "").isalpha() and len(lemma) > 2 and ("_" in lemma or _is_noun(uses, lemma)):
            yield lemma, kind


def _uses(folder: Path) -> dict[str, Counter[str]]:
    """How often WordNet's tagged texts use a lemma as the first sense of a noun ("1"), another noun ("n"), or else."""
    uses: dict[str, Counter[str]] = {}
    for line in (folder / "cntlist.rev").read_text(encoding="latin-1").splitlines():
        key, sense, count = line.split()
        lemma, _, rest = key.partition("%")
        sort = ("1" if sense == "1" else "n") if rest[0] == "1" else "other"
        uses.setdefault(lemma, Counter())[sort] += int(count)
    return uses


def _is_noun(uses: dict[str, Counter[str]], lemma: str) -> bool:
    """Whether people mean the concrete thing when they say the word."""
    count = uses.get(lemma, Counter())
    return count["1"] > 0 and count["1"] >= NOUN_SHARE_MIN * count.total()


def _rarity(word: str) -> float:
    return -zipf_frequency(word, "en")


def _entry(kind: str, words: list[str]) -> str:
    lines = textwrap.fill(" ".join(words), 118, break_on_hyphens=False, break_long_words=False)
    return f'\n{kind} = """\n{lines}"""\n'


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/wordnet")))
