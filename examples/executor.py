"""The smallest robot: prints each action, takes two seconds over it, and stops when it is told to.

Run it beside a node:    python examples/executor.py [ROBOT]
"""

import signal
import sys
from collections.abc import Iterator

from edge_agent.client import Executor
from edge_agent.messages import Perform


def perform(task: Perform) -> Iterator[float]:
    print(f"doing    {task.action}", flush=True)
    done = False
    try:
        for _ in range(20):
            yield 0.1  # here a real robot looks whether it has arrived; here a stop is heard
        done = True
    finally:
        print("finished" if done else "stopped", flush=True)


if __name__ == "__main__":
    executor = Executor(robot=sys.argv[1] if len(sys.argv) > 1 else "robot", perform=perform)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: executor.close())  # brakes, and tells the node
    executor.run()
