"""A kiosk's till: keeps the order that people say, and sells it.

Run it beside a node with the kiosk pack:    python examples/till.py [ROBOT]
"""

import signal
import sys
from collections.abc import Iterator

from edge_agent.client import Executor, PerformFailed
from edge_agent.messages import JsonAction, Perform

ORDER: list[JsonAction] = []


def line_of(drink: JsonAction) -> str:
    """What stands on the screen: "2 x large flat white, oat milk"."""
    name = " ".join(drink[slot] for slot in ("size", "roast", "drink") if slot in drink)
    extras = [drink[slot] for slot in ("shots", "milk", "sugar") if slot in drink]
    return ", ".join([f"{drink.get('quantity', 1)} x {name}", *extras])


def perform(task: Perform) -> Iterator[float]:
    match task.action:
        case {"action": "order_drink"}:
            ORDER.append(task.action)
        case {"action": "remove", "item": item}:
            if not (matching := [drink for drink in ORDER if item in drink.values() or item == "it"]):
                raise PerformFailed(f"there is no {item} on the order")
            ORDER.remove(matching[-1])
        case {"action": "checkout"} if not ORDER:
            raise PerformFailed("nothing is ordered")
        case {"action": "checkout" | "cancel" as how}:
            print("sold" if how == "checkout" else "thrown away", *map(line_of, ORDER), sep="\n  ", flush=True)
            ORDER.clear()
            return
        case {"action": "help"}:
            print("Say what you would like to drink.", flush=True)
    print("on the order", *map(line_of, ORDER), sep="\n  ", flush=True)
    yield 0.0


if __name__ == "__main__":
    executor = Executor(robot=sys.argv[1] if len(sys.argv) > 1 else "robot", perform=perform)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: executor.close())
    executor.run()
