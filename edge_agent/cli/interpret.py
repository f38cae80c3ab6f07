"""`interpret`: read one sentence with a pack and a world, without a daemon. Nothing is sent anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_agent.cli.answers import show_action, show_marked, show_reject, show_timings
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import add_model_arguments, engine_of, model_settings, world_of
from edge_agent.cli.screen import Screen
from edge_agent.clock import SystemClock
from edge_agent.evaluation.predicting import answered, stop_actions
from edge_agent.node.interpret import Interpreter
from edge_agent.packs.registry import load_pack
from edge_agent.world.linker import Linker

EXAMPLE = 'edge-agent interpret "bring the red box from dock 3 to me" --pack robot --world warehouse.toml'

TTL_MS = 60_000
"""Nobody waits for a robot here; a slow machine may take its time."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `interpret` takes."""
    parser.add_argument("text", metavar="TEXT", help="the sentence")
    parser.add_argument("--pack", default="robot", metavar="NAME|FILE", help="robot, home, kiosk or a pack file")
    parser.add_argument("--world", type=Path, metavar="FILE", help="TOML (default: the pack's example world)")
    parser.add_argument("--area", metavar="NAME", help="where the speaker stands")
    parser.add_argument("--speaker", metavar="NAME", help="the speaker's name in the world")
    add_model_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Interpret and show."""
    pack = load_pack(options.pack)
    world = world_of(pack, options.world)
    if stop := stop_actions(pack, options.text):
        screen.record({"actions": list(stop), "marked": "", "timings": {}})
        show_action(screen, stop[0], "a stop: no model is asked")
        return Exit.OK
    clock = SystemClock()
    with engine_of(model_settings(options), [pack]) as decider:
        result = Interpreter(pack, Linker(world), decider, clock).interpret(
            options.text, deadline_ms=clock.now_ms() + TTL_MS, area=options.area, speaker=options.speaker
        )
    show_marked(screen, result.marked)
    for action in result.actions:
        show_action(screen, action)
    if result.reject is not None:
        show_reject(screen, result.reject)
    show_timings(screen, result.timings, passes=result.passes, confidence=result.confidence)
    screen.record(
        {
            "actions": list(answered(result)),
            "reject": result.reject.model_dump(mode="json", exclude_none=True) if result.reject else None,
            "marked": result.marked,
            "confidence": result.confidence,
            "passes": result.passes,
            "timings": result.timings,
        }
    )
    return Exit.OK if result.reject is None else Exit.REFUSED
