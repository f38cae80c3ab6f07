"""Writes edge_agent/world/synonyms_wordnet.txt: English nouns that mean the same thing, from WordNet 3.0.

    apt-get install wordnet-base
    python scripts/write-synonyms.py [--wordnet /usr/share/wordnet]

Words stand in one line when they share a WordNet synset of things people handle (artifacts, food, persons, …) and this
synset is the most frequent noun sense of each of them, and each is in use: a word by its Zipf frequency (wordfreq), a
compound by standing in the text that WordNet's senses were counted in (cntlist). A compound that shares a synset with
its own first word ("tuna fish") may be said for that word, in whatever sense it stands there. Lines that the first
sense does not save from misleading (a plant is a factory there) are left out by hand.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from wordfreq import zipf_frequency

from edge_agent.world.tokens import named_by

TARGET: Final = Path(__file__).parent.parent / "edge_agent" / "world" / "synonyms_wordnet.txt"
LEXICAL_FILES: Final = {6: "artifact", 13: "food"}
"""WordNet's lexicographer files whose nouns are taken (man lexnames)."""
WORD_ZIPF_MIN: Final = 3.2
LETTERS_MIN: Final = 3
_LEFT_OUT: Final = """
    aircraft carrier, attack aircraft carrier; ammunition, ammo; apparatus, setup; apparel, clothes; appliance,
    gadget; atom bomb, atomic bomb; bar, saloon; barrel, gun barrel; bartlett pear > bartlett; beacon light >
    beacon; blazer, sports jacket; bomb calorimeter > bomb; boutique, dress shop; brothel, house of prostitution;
    bullet, slug; bungalow, cottage; bunk, feed bunk; cabaret, nightclub; champagne, bubbly; chilli, chilly; chuck,
    eats; circuit, electric circuit; clothing, wearable; cocoa, chocolate; collage, montage; coloring, colouring;
    conserve, preserves; coping, cope; cosy, cozy; country store, trading post; cruiser, police car, squad car;
    cupboard, closet; cure, therapeutic; decoration, ornament; die, dice; dope, gage, sens; drawers, boxers;
    dwelling, dwelling house; exit, way out; factory, mill; fake, sham; fence, fencing; file cabinet > file; flight
    of stairs > flight; floor, flooring; freeway, motorway, pike; fries, chips; garrison, fort; grinder, sub; head
    covering, veil; heater, warmer; helping, serving; home plate > home; home plate, plate; hostel, inn; housing,
    lodging; idol, graven image; internet, net; irons, chains; jean, denim; jet, jet plane; knuckles, knuckle
    duster; light bulb, electric light; lighthouse, beacon light; liquor, spirits, booze; load, loading; mac, mack;
    manor, manor house; maze, labyrinth; merchandise, product; mess hall > mess; metro, subway; microphone, mike;
    motorcycle, bike; palace, castle; parallel bars, bars; patio, terrace; pedestal, stand; phonograph record, disc;
    pier, wharf; pilot light > pilot; plant, works; podium, pulpit; police headquarters, station house; potato,
    murphy; radio telescope, radio reflector; railing, rail; rails, runway; railway, railroad, railway system; rapid
    transit, mass rapid transit; receiver, receiving system; rotary, roundabout; row house, town house; sack, paper
    bag; screen door > screen; seating, seats; shock absorber > shock; shock absorber, cushion; shorts, trunks;
    siding, railroad siding; sleeping pill, sleeping capsule; slip of paper > slip; sofa, couch, lounge; specs,
    glasses; spectator pump > spectator; stable, stalls; starship, spaceship; sunglasses, shades; swallow, sup;
    telephone wire, telephone line; television system > television; terminal, depot; third base >
    third; toilet, john, privy; total, aggregate; trolley, trolley car; tube, tubing; wall plug, electric outlet;
    weapon, weapon system; weaponry, arms, weapons system; wedge heel > wedge; white flag, flag of truce; work camp,
    prison farm
"""
LEFT_OUT: Final = frozenset(" ".join(_LEFT_OUT.split()).split("; "))
"""Lines in which one word says something else to a person who speaks to a machine."""
HEADER: Final = """\
# English nouns for one thing, made by scripts/write-synonyms.py from WordNet 3.0; the form is that of synonyms.txt.
"""


def main() -> None:
    """Read WordNet and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of WordNet's files")
    given = parser.parse_args()
    lines = sorted(set(groups(given.wordnet)))
    TARGET.write_text(HEADER + notice(given.wordnet) + "\n".join(lines) + "\n", encoding="utf-8")


def notice(folder: Path) -> str:
    """WordNet's own licence, which stands before its data, as comments."""
    lines = []
    for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            break
        lines.append(re.sub(r"^  \d+ ", "# ", line).rstrip())
    return "\n".join(lines) + "\n"


def first_senses(folder: Path) -> dict[str, str]:
    """Each noun and the place of its most frequent synset."""
    senses = {}
    for line in (folder / "index.noun").read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            parts = line.split()
            senses[parts[0]] = parts[-int(parts[2])]
    return senses


def synsets(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Places and words of the synsets of the wanted lexicographer files."""
    for line in (folder / "data.noun").read_text(encoding="utf-8").splitlines():
        parts = line.split()
        if not line.startswith("  ") and int(parts[1]) in LEXICAL_FILES:
            yield parts[0], parts[4 : 4 + 2 * int(parts[3], 16) : 2]


def counted(folder: Path) -> frozenset[str]:
    """Nouns that occur in the text that senses were counted in."""
    keys = (line.split()[0] for line in (folder / "cntlist.rev").read_text(encoding="utf-8").splitlines())
    return frozenset(key.partition("%")[0] for key in keys if key.partition("%")[2].startswith("1"))


def groups(folder: Path) -> Iterator[str]:
    """The table's lines."""
    first, occurring = first_senses(folder), counted(folder)
    for place, words in synsets(folder):
        used = [word for word in words if is_used(word, occurring)]
        known = [word for word in used if first[word] == place]
        if len(known) > 1:
            yield from _kept(", ".join(known))
        for compound in (word for word in known if "_" in word):
            head = compound.partition("_")[0]
            if head in used and head not in known:
                yield from _kept(f"{compound} > {head}")


def _kept(line: str) -> list[str]:
    """The line with spaces, unless it was left out by hand or is two spellings of what the linker reads as one word."""
    spoken = line.replace("_", " ")
    keys = {named_by(term.split())[0] for term in re.split("[,>]", spoken)}
    return [] if spoken in LEFT_OUT or len(keys) == 1 else [spoken]


def is_used(word: str, occurring: frozenset[str]) -> bool:
    """Whether people say this word for a thing."""
    if not re.fullmatch(r"[a-z]+(?:_[a-z]+)*", word) or len(word) < LETTERS_MIN:
        return False
    return word in occurring if "_" in word else zipf_frequency(word, "en") >= WORD_ZIPF_MIN


if __name__ == "__main__":
    main()
