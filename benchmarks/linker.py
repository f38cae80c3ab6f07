"""How the linker's time grows with the world: indexing, a sentence, a small update, for 10 to 100,000 entities.

    python benchmarks/linker.py [--json] [--sizes 10,1000,100000] [--sentences 400] [--seed 1]

The names are made up here: two or three invented words, a third of them numbered. The sentences name entities of the
world, exactly or with one slip of the finger, beside quantities and pointing words, and things that do not exist.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time

from edge_agent.benchmarking.worlds import invented_names, invented_word
from edge_agent.world.entities import Entity
from edge_agent.world.linker import Linker
from edge_agent.world.store import World

UPDATE_ENTITIES = 5
_FRAMES = (
    "bring {a} from {b} to me",
    "could you please go to {a} and wait two and a half minutes",
    "put {a} on {b} and then come back here",
    "move forward 1.5 metres and find {a}",
    "take it to {a}, then turn left ninety degrees",
)


def invented_world(size: int, chance: random.Random) -> World:
    """A world of this many entities with distinct names."""
    return World.of(Entity(name, chance.choice(["item", "place"])) for name in invented_names(size, chance))


def slipped(name: str, chance: random.Random) -> str:
    """The name with one letter left out."""
    letters = [place for place in range(1, len(name)) if name[place].isalpha()]
    place = chance.choice(letters)
    return name[:place] + name[place + 1 :]


def sentences(world: World, count: int, chance: random.Random) -> list[str]:
    """Sentences about this world: half of the names exact, a quarter misspelt, a quarter of nothing that exists."""
    made = []
    for _ in range(count):
        said = []
        for _ in range(2):
            name, draw = chance.choice(world.entities).name, chance.random()
            said.append(
                name if draw < 0.5 else slipped(name, chance) if draw < 0.75 else f"the {invented_word(chance)}"
            )
        made.append(chance.choice(_FRAMES).format(a=said[0], b=said[1]))
    return made


def measured(size: int, count: int, seed: int) -> dict[str, float]:
    """One line of the table."""
    chance = random.Random(seed)
    world = invented_world(size, chance)
    spoken = sentences(world, count, chance)
    gc.collect()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    linker = Linker(world)
    index_s, index_cpu_s = time.perf_counter() - begun, time.process_time() - begun_cpu
    for text in spoken[:20]:
        linker.link(text)
    times_us = []
    for text in spoken:
        begun = time.perf_counter()
        linker.link(text)
        times_us.append((time.perf_counter() - begun) * 1e6)
    new = [Entity(f"{invented_word(chance)} unseen {place}", "item") for place in range(UPDATE_ENTITIES)]
    begun = time.perf_counter()
    linker.updated(world.updated([world.entities[0].name], new))
    update_ms = (time.perf_counter() - begun) * 1e3
    times_us.sort()
    return {
        "entities": size,
        "index_s": round(index_s, 3),
        "index_cpu_s": round(index_cpu_s, 3),
        "p50_us": round(statistics.median(times_us), 1),
        "p95_us": round(times_us[int(0.95 * len(times_us))], 1),
        "max_us": round(times_us[-1], 1),
        "update_ms": round(update_ms, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--sizes", default="10,1000,100000", help="entities of each world, with commas")
    parser.add_argument("--sentences", type=int, default=400, help="sentences timed in each world")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    measured(10, 50, given.seed)  # loads the dictionary and warms the caches, uncounted
    lines = [measured(int(size), given.sentences, given.seed) for size in given.sizes.split(",")]
    for line in lines:
        line["ratio"] = round(line["p50_us"] / lines[0]["p50_us"], 2)
    if given.json:
        for line in lines:
            print(json.dumps(line))
        return
    print("".join(f"{column:>12}" for column in lines[0]))
    for line in lines:
        print("".join(f"{value:>12}" for value in line.values()))


if __name__ == "__main__":
    main()
