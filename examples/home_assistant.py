"""Hands the home pack's actions to Home Assistant, unchanged: they are its own intents and slots.

Run it beside a node with the home pack, with HASS_URL (http://homeassistant.local:8123) and HASS_TOKEN (a long-lived
access token) set, and `intent:` in Home Assistant's configuration. Without HASS_URL it prints what it would send.
"""

import json
import os
import signal
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from edge_agent.client import Executor, PerformFailed
from edge_agent.messages import JsonAction, Perform

POST_TIMEOUT_S = 5.0


def hand_over(action: JsonAction) -> None:
    """One intent to Home Assistant's REST API. Blocks, so it runs in a thread of its own."""
    slots = dict(action)
    intent = {"name": slots.pop("action"), "data": slots}
    url = os.environ.get("HASS_URL")
    if not url:
        print(json.dumps(intent), flush=True)
        return
    headers = {"Authorization": f"Bearer {os.environ['HASS_TOKEN']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/api/intent/handle", json.dumps(intent).encode(), headers)
    with urllib.request.urlopen(request, timeout=POST_TIMEOUT_S) as response:
        answer = json.load(response)
    if answer.get("response_type") == "error":
        raise PerformFailed(answer["speech"]["plain"]["speech"])


def perform(task: Perform) -> Iterator[float]:
    with ThreadPoolExecutor(1) as thread:
        call = thread.submit(hand_over, task.action)
        while not call.done():
            yield 0.02
        call.result()


if __name__ == "__main__":
    executor = Executor(robot=sys.argv[1] if len(sys.argv) > 1 else "home", perform=perform)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: executor.close())
    executor.run()
