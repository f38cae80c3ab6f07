"""Words after a named thing that say which one is meant: "the box next to the shelf", "the lamp with the green shade".

A description fills no slot. With the thing in the world the answer stays as it was; a description of something that is
not there does not make it appear: "the piano next to the [1 shelf]" is no shelf.
"""

from __future__ import annotations

import random
from dataclasses import replace

from edge_agent.training.clauses import UNUSED, Clause, Part, Said, ends_phrase
from edge_agent.training.unknown import absent_name
from edge_agent.training.words import listed, noun
from edge_agent.training.worlds import Place
from edge_agent.world import lexicon
from edge_agent.world.mention import MentionType

_STANDING = (
    "", "", "", "", "", "that is", "which is", "that's", "lying", "standing", "sitting", "placed", "located", "kept",
    "that stands", "that was", "you see", "right", "just", "the one", "the one that is", "hanging", "that you left",
    "i left", "that lies", "which stands", "leaning", "parked", "waiting", "you will find", "that should be", "stored",
)  # fmt: skip
_BESIDE = (
    "next to", "next to", "near", "near", "beside", "by", "behind", "in front of", "close to", "to the left of",
    "to the right of", "left of", "right of", "nearest to", "closest to", "nearest", "opposite", "across from", "above",
    "below", "over by", "adjacent to", "not far from", "alongside", "on the left side of", "on the other side of",
    "at the side of", "around", "between the door and", "facing", "on your way to", "in the vicinity of", "beyond",
)  # fmt: skip
_UPON = ("on", "on", "in", "in", "inside", "on top of", "of", "of", "at", "from", "under", "within", "out of", "off")
_LINKED = (
    "that belongs to", "that goes with", "which belongs to", "for", "that came with", "that we use for", "that fits",
    "that matches", "that looks like", "belonging to", "which someone put next to", "that john forgot by",
    "we bought together with", "that is connected to", "which hangs over", "that leans against", "that faces",
    "you took from", "that fell off", "that i put down by", "that was delivered with", "pointing at",
)  # fmt: skip
_QUALITIES = (
    "with the {adjective} {part}", "with a {adjective} {part}", "with the {part}", "that is {adjective}",
    "without a {part}",
    "that i bought last week", "we talked about", "you know which one", "that broke yesterday", "i showed you",
    "from yesterday", "which is {adjective}", "made of {material}", "that looks {adjective}", "i told you about",
    "with the {adjective} {part} on it", "with {number} {part}s", "over there", "you can see", "the {adjective} one",
)  # fmt: skip
_PERSON_QUALITIES = (
    "with the {adjective} {garment}", "in the {adjective} {garment}", "wearing a {adjective} {garment}", "over there",
    "with the {garment}", "who just came in", "who is waiting", "with the beard", "with the long hair",
    "in {adjective}",
    "who called you", "that is talking", "with glasses", "who looks lost", "standing over there", "with the dog",
)  # fmt: skip
_WORDS = {
    "part": lexicon.listed(
        "handle label lid top sticker cover stripe side button door wheel screen logo drawer leg edge base cap "
        "shade frame cable ribbon star picture name number sign line spot panel knob lock tag bow corner pattern"
    ),
    "garment": lexicon.listed("hat shirt jacket coat scarf dress cap shoes tie bag sweater vest hoodie glasses badge"),
    "material": lexicon.listed("wood metal glass plastic paper leather steel stone cloth gold"),
    "number": ["two", "three", "four"],
}
_AROUND_HOME = (
    "sofa", "couch", "bed", "desk", "table", "window", "door", "wall", "stairs", "fireplace", "bookshelf", "sink",
    "stove", "armchair", "dining table", "front door", "wardrobe", "mirror", "piano", "fridge", "plant", "crib",
)  # fmt: skip
"""Furniture, which a home's world does not list; a lamp is no less known for standing next to it."""
_PLACED_SLOTS = frozenset({"destination", "source", "place"})
_OPEN_SLOTS = frozenset({"source", "area", "destination"})
ABSENT_BESIDE_SHARE = 0.1
TWO_SHARE = 0.12


def described(rng: random.Random, clause: Clause, place: Place) -> Clause:
    """The clause with one of its named things described, where words can be put after it."""
    places = [at for at, part in enumerate(clause.parts) if _can_be(clause, at, part)]
    if not places:
        return clause
    at = next((at for at in places if _is_absent(clause.parts[at])), rng.choice(places))
    row = _description(rng, clause, place, at)
    if rng.random() < TWO_SHARE:
        row = [*row, *_description(rng, clause, place, at)]
    return replace(clause, parts=(*clause.parts[: at + 1], *row, *clause.parts[at + 1 :]))


def _can_be(clause: Clause, at: int, part: Part) -> bool:
    """Whether a description may follow: a name in a slot, and no noun or ending right after it."""
    if not isinstance(part, Said) or part.slot == UNUSED or part.type is not MentionType.ENTITY:
        return False
    return ends_phrase(clause, at)


def _is_absent(part: Part) -> bool:
    return isinstance(part, Said) and part.absent


def _description(rng: random.Random, clause: Clause, place: Place, at: int) -> list[Part]:
    head = clause.parts[at]
    if not isinstance(head, Said):
        return []
    draw = rng.random()
    at_home = place.pack.name == "home"
    if draw < 0.22 or place.pack.name not in ("robot", "home"):
        person = head.list_name == "person" or (head.entity is not None and head.entity.kind == "person")
        return [_quality(rng, rng.choice(_PERSON_QUALITIES if person else _QUALITIES))]
    if draw < 0.34 and not at_home:
        return [rng.choice(_LINKED), *_other(rng, clause, place, head)]
    if at_home and not head.absent and rng.random() < 0.6:
        return [f"{_relation(rng, _BESIDE)} the {rng.choice(_AROUND_HOME)}"]
    upon = not at_home and rng.random() < 0.5 and (head.absent or not _takes_places(clause, place, head))
    return [_relation(rng, _UPON if upon else _BESIDE), *_other(rng, clause, place, head)]


def _relation(rng: random.Random, relations: tuple[str, ...]) -> str:
    return f"{rng.choice(_STANDING)} {rng.choice(relations)}".strip()


def _takes_places(clause: Clause, place: Place, head: Said) -> bool:
    """Whether "in the kitchen" after this name would fill another slot of the action."""
    action = place.pack.action(clause.intent)
    slots = {spec.name for spec in action.slots} if action else set()
    return bool(slots & _OPEN_SLOTS) and head.slot not in _PLACED_SLOTS


def _other(rng: random.Random, clause: Clause, place: Place, head: Said) -> list[Part]:
    """Something else of the world, or now and then something that is not there, with its article."""
    kinds = tuple(kind for kind in place.by_kind if kind not in ("area", "floor"))
    other = place.thing(rng, kinds)
    named = [part.entity for part in clause.parts if isinstance(part, Said)]
    if other is None or other in named:
        return [f"the {rng.choice(_WORDS['part'])}"]
    article: list[Part] = [rng.choice(("the", "the", "the", "my", "that", "a"))] if other.kind != "person" else []
    if not head.absent and rng.random() < ABSENT_BESIDE_SHARE and (words := absent_name(rng, place, other)):
        return [*article, Said(words, UNUSED, MentionType.ENTITY, absent=True)]
    words = rng.choice((other.name, *other.aliases))
    return [*article, Said(words, UNUSED, MentionType.ENTITY, entity=other)]


def _quality(rng: random.Random, template: str) -> str:
    said = template.replace("{adjective}", rng.choice(listed("adjectives")))
    for key, words in _WORDS.items():
        said = said.replace(f"{{{key}}}", rng.choice(words))
    return said.replace("{noun}", noun(rng))
