"""What PocketSphinx is told to listen for: word sequences with classes, the words of each class, how they all sound.

Decides a trigram over a pack's sentences in which a name is one token however many words it has, so that three tokens
reach across a whole phrase and a change of the world changes no probability. Words that next to no sentence has are not
listened for: each would make the others harder to tell apart. Sentences with free text are left out: words that may be
any English words were heard in place of everything else. Refuses nothing. Pure.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edge_agent.speech.pronouncing import Phones
from edge_agent.speech.recognition import Lexicon
from edge_agent.world.numerals import read_number

WORD_SHARE_MIN: Final = 0.001
"""A word in fewer of a pack's sentences than this is not listened for, nor are the sentences that have it."""
DISCOUNTS: Final = (0.5, 0.75, 0.75)
"""What Kneser-Ney takes from each count of one, two and three words in a row, for sequences never seen."""
BARE_NUMBERS_KEPT: Final = 10
"""Of the sentences with a number that has no unit one in so many is kept: an "a" sounds like "one", a breath like
"eight", and phrases have more such numbers than people say."""
BEGIN: Final = "<s>"
END: Final = "</s>"
_NEVER: Final = "-99"

Gram = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Three texts in the formats that PocketSphinx reads, and the names of the classes in them."""

    arpa: str
    classes: str
    dictionary: str
    class_names: tuple[str, ...]
    words: int
    unsayable: tuple[str, ...]
    """Names that nobody listens for, because no word of theirs could be pronounced."""


@dataclass(frozen=True, slots=True)
class Voice:
    """How words and names sound."""

    of_word: Callable[[str], tuple[Phones, ...]]
    of_name: Callable[[Sequence[str]], tuple[Phones, ...]]


def grammar_of(lexicon: Lexicon, voice: Voice) -> Grammar:
    """A lexicon in the decoder's terms."""
    numbers = {name: f"c{place}" for place, name in enumerate(sorted(lexicon.names))}
    sounds = {said: voice.of_name(said.split()) for group in lexicon.names.values() for said in group}
    classes = {numbers[name]: tuple(said for said in group if sounds[said]) for name, group in lexicon.names.items()}
    tokens = _listened_for(list(_tokens(lexicon, numbers)), {name for name, group in classes.items() if group}, voice)
    arpa, words = language_model(tokens)
    used = tuple(name for name in classes if f"[{name}]" in words)
    plain = [word for word in words if not word.startswith("[")]
    return Grammar(
        arpa=arpa,
        classes="".join(_class_text(name, classes[name]) for name in used),
        dictionary="".join(
            [_entry(word, voice.of_word(word)) for word in plain]
            + [_entry(token_of(said, name), sounds[said]) for name in used for said in classes[name]]
        ),
        class_names=used,
        words=len(plain),
        unsayable=tuple(sorted(said for said, phones in sounds.items() if not phones)),
    )


def token_of(name: str, class_name: str) -> str:
    """A name as one word of its class: "skim_milk:c3"."""
    return f"{name.replace(' ', '_')}:{class_name}"


def words_of_token(token: str) -> str:
    """A token's words again, without its class and without the number of the pronunciation."""
    return token.split("(", maxsplit=1)[0].split(":", maxsplit=1)[0].replace("_", " ")


def _tokens(lexicon: Lexicon, numbers: Mapping[str, str]) -> Iterator[Gram]:
    """The sentences with their classes by number, of those with a bare number only some."""
    bare = {f"{{{name}}}" for name, said in lexicon.names.items() if said and all(map(_is_number, said))}
    seen = 0
    for sentence in lexicon.sentences:
        words = sentence.split()
        if not bare.isdisjoint(words):
            seen += 1
            if seen % BARE_NUMBERS_KEPT:
                continue
        yield tuple(f"[{numbers[word[1:-1]]}]" if word.startswith("{") else word for word in words)


def _listened_for(rows: Sequence[Gram], classes: set[str], voice: Voice) -> list[Gram]:
    """The sentences of which every word is frequent enough and can be pronounced, and every class has a name."""
    shares = Counter(word for row in rows for word in set(row))
    needed = len(rows) * WORD_SHARE_MIN
    kept = {
        word
        for word, count in shares.items()
        if (word[1:-1] in classes if word.startswith("[") else count >= needed and voice.of_word(word))
    }
    return [row for row in rows if kept.issuperset(row)]


def _class_text(name: str, said: Sequence[str]) -> str:
    share = f"{1.0 / len(said):.6f}"
    lines = "".join(f"{token_of(each, name)} {share}\n" for each in said)
    return f"LMCLASS [{name}]\n{lines}END [{name}]\n\n"


def _is_number(said: str) -> bool:
    words = said.split()
    found = read_number(words, 0)
    return found is not None and found[1] == len(words)


def _entry(word: str, sounds: Sequence[Phones]) -> str:
    return "".join(
        f"{word}{f'({number})' if number > 1 else ''} {' '.join(phones)}\n" for number, phones in enumerate(sounds, 1)
    )


def language_model(sentences: Sequence[Gram]) -> tuple[str, tuple[str, ...]]:
    """An ARPA text of the sentences, interpolated Kneser-Ney, and its words."""
    seen = [Counter[Gram](), Counter[Gram](), Counter[Gram]()]
    for sentence in sentences:
        row = (BEGIN, *sentence, END)
        for size, counts in enumerate(seen, 1):
            counts.update(row[at : at + size] for at in range(len(row) - size + 1))
    pairs = Counter(gram[1:] for gram in seen[2])  # in how many places a pair was seen, not how often
    pairs.update({gram: count for gram, count in seen[1].items() if gram[0] == BEGIN})
    singles = Counter(gram[1:] for gram in seen[1])
    words = tuple(sorted(word for (word,) in singles if word != END))
    one, two, three = DISCOUNTS
    spare = one / max(1, sum(singles.values()))
    single = {gram: (count - one) / sum(singles.values()) + spare for gram, count in singles.items()}
    pair, left_pair = _interpolated(pairs, two, single)
    triple, left_triple = _interpolated(seen[2], three, pair)
    table = [
        _section(1, {(BEGIN,): 0.0, **single}, left_pair),
        _section(2, pair, left_triple),
        _section(3, triple, None),
    ]
    sizes = f"ngram 1={len(single) + 1}\nngram 2={len(pair)}\nngram 3={len(triple)}\n"
    return f"\\data\\\n{sizes}\n{''.join(table)}\\end\\\n", words


def _interpolated(
    counts: Mapping[Gram, int], discount: float, shorter: Mapping[Gram, float]
) -> tuple[dict[Gram, float], dict[Gram, float]]:
    """The probability of each sequence's last word, and what is left for words never seen after the others."""
    totals: defaultdict[Gram, int] = defaultdict(int)
    kinds: defaultdict[Gram, int] = defaultdict(int)
    for gram, count in counts.items():
        totals[gram[:-1]] += count
        kinds[gram[:-1]] += 1
    left = {before: discount * kinds[before] / total for before, total in totals.items()}
    return {
        gram: (count - discount) / totals[gram[:-1]] + left[gram[:-1]] * shorter[gram[1:]]
        for gram, count in counts.items()
    }, left


def _section(size: int, probabilities: Mapping[Gram, float], left: Mapping[Gram, float] | None) -> str:
    lines = []
    for gram, probability in sorted(probabilities.items()):
        chance = f"{math.log10(probability):.4f}" if probability > 0 else _NEVER
        rest = "" if left is None else f"\t{math.log10(left[gram]):.4f}" if gram in left else "\t0.0000"
        lines.append(f"{chance}\t{' '.join(gram)}{rest}\n")
    return f"\\{size}-grams:\n{''.join(lines)}\n"
