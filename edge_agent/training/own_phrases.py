"""What a user's own phrases are trained as: theirs, spoken with the shipped courtesies, and what is to be refused.

A newcomer writes a handful of lines an action. How people begin and end a request, how they forbid it and what they say
that is no request at all is the same for every pack, so it comes from the shipped `shared.yaml` and `reject.yaml`.
A shipped refusal that begins as one of the pack's own requests does is left out: what "feed the plants" is to a robot
it is not to a greenhouse. Refuses (PHRASES_INVALID) a pack with an action that no phrase asks for, and two actions
that the same words ask for.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge_agent.packs import kiosk
from edge_agent.packs.base import REJECT, Pack, TextSlot
from edge_agent.packs.phrase_file import Block, Located, PhraseFile, fault, place_of, read_phrase_file
from edge_agent.packs.phrases import Phrases, Sample, SlotPiece, compile_phrases
from edge_agent.world.lexicon import listed

SHIPPED = tuple(path for path in kiosk.PACK.phrases if path.name in ("shared.yaml", "reject.yaml"))
_PREFIX = "shipped_"
_PLAIN = "plain_"
_RULE = re.compile(r"<(\w+)>")
_LIST = re.compile(r"\{(\w+):\w+\}")
CALL = "(hey|hi|hello|okay|excuse me|computer|hey computer|good morning|hello there)"
"""What people call what they speak to, which every shipped pack says for itself (the rule `call`)."""
DRAWS = 60
"""Sentences drawn of one template to see how it begins and what else it could be."""
OWN_WEIGHT, NEGATED_WEIGHT = 1.0, 0.4
"""What the user's own refusals and the negated requests weigh, against the shipped refusals of the same reason."""
COLLIDING_SHARE = 0.25
NO_IMPERATIVE = frozenset(
    listed(
        "what what's how where when why who which is are was were do does did am i i'd i'm we we'd we're you he she "
        "it it's they there this that the a an my our your some no not please can could would will may to in on at for "
        "let's"
    )
)
"""Words that begin something else than an imperative; "could you" is not put before them."""


@dataclass(frozen=True, slots=True)
class OwnPhrases:
    """A pack's phrases as they are trained on. `own` says how many of an intent's first templates the user wrote."""

    phrases: Phrases
    own: Mapping[str, int]
    refused: dict[str, tuple[int, ...]]
    """The places of the reject templates by reason, likelier ones more than once."""


def own_phrases(pack: Pack, files: Sequence[Path], *, every_action: bool = True) -> OwnPhrases:
    """The phrases of these files for training; `every_action` of the pack needs some.

    Raises:
        ConfigurationFault: PHRASES_INVALID.
    """
    read = [read_phrase_file(path) for path in files]
    plain = compile_phrases(pack, read)
    if every_action and (silent := [spec.name for spec in pack.actions if spec.name not in plain.intents]):
        fault(", ".join(map(str, files)), f"no phrase asks for {', '.join(silent)}: it could not be learnt")
    starts = {_key(text): _start(pack, plain, intent, place) for intent, place, text in _sentences(read)}
    _refuse_double_meaning(pack, plain)
    shipped = [_renamed(read_phrase_file(path)) for path in SHIPPED]
    rules = {name for file in shipped for name in file.rules}
    spoken = [replace(file, blocks=tuple(_spoken(block, starts, rules) for block in file.blocks)) for file in read]
    negated = [_negated(read, starts)] if f"{_PREFIX}negated" in rules else []
    phrases = compile_phrases(pack, [*spoken, *negated, *shipped])
    own = {intent: plain.templates(intent) for intent in plain.intents}
    openings = frozenset(word for start in starts.values() for word in start.words) - NO_IMPERATIVE
    several = sum(len(block.sentences) for file in negated for block in file.blocks)
    return OwnPhrases(phrases, own, _refused(phrases, own.get(REJECT, 0), several, openings))


def _refused(phrases: Phrases, own: int, negated: int, openings: frozenset[str]) -> dict[str, tuple[int, ...]]:
    """The reject templates by reason: the user's own weigh `OWN_WEIGHT` shipped ones, negated requests as much."""
    refused: dict[str, tuple[int, ...]] = {}
    for fixed, places in phrases.blocks(REJECT).items():
        theirs = [place for place in places if place >= own + negated]
        if dict(fixed)["reason"] == "unsupported":
            theirs = [place for place in theirs if not _begins_as(phrases, place, openings)]
        mine = [place for place in places if place < own]
        forbidden = [place for place in places if own <= place < own + negated]
        each = max(1, len(theirs))
        repeated = _spread(mine, OWN_WEIGHT * each) + _spread(forbidden, NEGATED_WEIGHT * each)
        refused[dict(fixed)["reason"]] = (*theirs, *repeated)
    return refused


def _spread(places: Sequence[int], weight: float) -> list[int]:
    """The places repeated until there are about `weight` of them."""
    return list(places) * max(1, round(weight / len(places))) if places else []


def _begins_as(phrases: Phrases, place: int, openings: frozenset[str]) -> bool:
    """Whether a shipped refusal often holds a word that one of the pack's own requests begins with."""
    rng = random.Random(place)
    hits = [not openings.isdisjoint(_words(phrases.sample(rng, REJECT, place)).split()) for _ in range(DRAWS)]
    return sum(hits) > COLLIDING_SHARE * DRAWS


@dataclass(frozen=True, slots=True)
class _Start:
    """How a template begins: its first words, whether they are an imperative, and whether it ends in free text."""

    words: frozenset[str]
    imperative: bool
    open_end: bool


def _sentences(files: Sequence[PhraseFile]) -> Iterator[tuple[str, int, Located]]:
    """Every request with its action and its place among the action's templates."""
    places: Counter[str] = Counter()
    for file in files:
        for block in file.blocks:
            for text in block.sentences:
                if block.intent != REJECT:
                    yield block.intent, places[block.intent], text
                places[block.intent] += 1


def _start(pack: Pack, phrases: Phrases, intent: str, template: int) -> _Start:
    """Draw a template a few times and look at its ends."""
    rng = random.Random(f"{intent}/{template}")
    samples = [phrases.sample(rng, intent, template) for _ in range(DRAWS)]
    firsts = [_first(sample) for sample in samples]
    spec = pack.action(intent)
    texts = {slot.name for slot in spec.slots if isinstance(slot.slot, TextSlot)} if spec else set()
    lasts = [sample.pieces[-1] for sample in samples if sample.pieces]
    return _Start(
        frozenset(filter(None, firsts)),
        imperative=sum(bool(first) and first not in NO_IMPERATIVE for first in firsts) > DRAWS // 2,
        open_end=any(isinstance(piece, SlotPiece) and piece.slot in texts for piece in lasts),
    )


def _key(text: Located) -> tuple[str, str]:
    return place_of(text), str(text)


def _first(sample: Sample) -> str:
    """The first word; "" where a sentence begins with a name or a number."""
    first = sample.pieces[0] if sample.pieces else ""
    return first.split()[0] if isinstance(first, str) and first.strip() else ""


def _words(sample: Sample) -> str:
    return " ".join(piece if isinstance(piece, str) else f"{{{piece.list_name}}}" for piece in sample.pieces)


def _refuse_double_meaning(pack: Pack, phrases: Phrases) -> None:
    """No sentence may ask for two things: no answer to it would be right."""
    meant: dict[str, str] = {}
    for intent in phrases.intents:
        rng = random.Random(intent)
        for _ in range(DRAWS * phrases.templates(intent)):
            sample = phrases.sample(rng, intent)
            words, asked = _words(sample), " ".join((intent, *map(str, sorted(sample.fixed.items()))))
            if meant.setdefault(words, asked) != asked:
                fault(pack.name, f"{words!r} asks for {meant[words]} and for {asked}; no answer to it can be right")


def _spoken(block: Block, starts: Mapping[tuple[str, str], _Start], rules: set[str]) -> Block:
    """The block's requests with the shipped courtesies around them."""
    if block.intent == REJECT:
        return block
    return replace(
        block, sentences=tuple(_with_courtesies(text, starts[_key(text)], rules) for text in block.sentences)
    )


def _with_courtesies(text: Located, start: _Start, rules: set[str]) -> Located:
    before = f"{_PREFIX}lead" if start.imperative else f"{_PREFIX}start"
    after = f"{_PREFIX}tail"
    lead = f"[<{before}>] " if before in rules else ""
    tail = f" [<{after}>]" if after in rules and start.imperative and not start.open_end else ""
    return _located(f"{lead}({text}){tail}", text)


def _renamed(file: PhraseFile) -> PhraseFile:
    """A shipped file whose rules cannot be taken for the user's."""
    rules: dict[str, Located] = {_PREFIX + name: _with_rules(body, _PREFIX) for name, body in file.rules.items()}
    blocks = tuple(
        replace(block, sentences=tuple(_with_rules(text, _PREFIX) for text in block.sentences)) for block in file.blocks
    )
    if any("<call>" in body for body in file.rules.values()):
        rules[f"{_PREFIX}call"] = _located(CALL, next(iter(file.rules.values())))
    return PhraseFile(blocks, file.lists, rules)


def _negated(files: Sequence[PhraseFile], starts: Mapping[tuple[str, str], _Start]) -> PhraseFile:
    """The user's imperatives forbidden: "don't water the [1 roses]" asks for nothing."""
    rules = {_PLAIN + name: _located(_unfilled(body), body) for file in files for name, body in file.rules.items()}
    texts = tuple(
        _located(f"<{_PREFIX}negated> ({_unfilled(text)})", text)
        for _, _, text in _sentences(files)
        if starts[_key(text)].imperative and not starts[_key(text)].open_end
    )
    if not texts:
        return PhraseFile((), {}, {})
    block = Block(REJECT, texts, {"reason": "not_a_command"}, 1.0, texts[0].where)
    return PhraseFile((block,), {}, rules)


def _unfilled(text: str) -> str:
    """A template that fills no slot: each of its mentions is only said."""
    return _LIST.sub(r"{\1:_}", _RULE.sub(rf"<{_PLAIN}\1>", text))


def _with_rules(text: Located, prefix: str) -> Located:
    return _located(_RULE.sub(rf"<{prefix}\1>", text), text)


def _located(text: str, origin: Located) -> Located:
    made = Located(text)
    made.where = place_of(origin)
    return made
