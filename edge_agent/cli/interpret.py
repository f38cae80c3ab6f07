"""`interpret`: read one sentence with a pack and a world, without a daemon. Nothing is sent anywhere.

What it means is put before the same policy that a node asks; what that refuses is shown as the node would answer.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from edge_agent.cli.answers import label, show_action, show_marked, show_reject, show_timings
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import add_model_arguments, engine_of, model_settings, world_of
from edge_agent.cli.screen import Screen
from edge_agent.cli.site import add_site_arguments, site_policy, site_settings, site_world
from edge_agent.clock import SystemClock
from edge_agent.errors import NodeFault
from edge_agent.evaluation.predicting import answered, stop_actions
from edge_agent.keys.grants import LOCAL
from edge_agent.messages import Failure, JsonAction
from edge_agent.node.interpret import Interpreter
from edge_agent.node.jobs import Asked
from edge_agent.node.plan import Guard
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import Planned
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
    add_site_arguments(parser)
    add_model_arguments(parser)


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Interpret and show."""
    settings = site_settings(options)
    pack = load_pack(options.pack)
    world = world_of(pack, site_world(settings, options.pack, options.world))
    if stop := stop_actions(pack, options.text):
        screen.record({"actions": list(stop), "marked": "", "timings": {}})
        show_action(screen, stop[0], "a stop: no model is asked")
        return Exit.OK
    guard = Guard(site_policy(settings, pack, world), lambda _pack: world)
    clock = SystemClock()
    with engine_of(model_settings(options), [pack]) as decider:
        result = Interpreter(pack, Linker(world), decider, clock).interpret(
            options.text, deadline_ms=clock.now_ms() + TTL_MS, area=options.area, speaker=options.speaker
        )
    show_marked(screen, result.marked)
    asked = Asked(pack, settings.robot, LOCAL.name, result.heard, options.area, options.speaker)
    planned, refused = _judged(guard, result.actions, asked)
    reject = guard.possible(result.reject, asked) if result.reject is not None else None
    for one in planned:
        show_action(screen, one.action, "waits for a yes" if one.needs_confirmation else f"tier {one.tier}")
    if reject is not None:
        show_reject(screen, reject)
    if refused is not None:
        screen.line(label("failed", "red"), (refused.code.value, "red"), f"  {refused.message}")
    show_timings(screen, result.timings, passes=result.passes, confidence=result.confidence)
    screen.record(
        {
            "actions": [] if refused else list(answered(result)),
            "needs_yes": [one.needs_confirmation for one in planned],
            "error": refused.model_dump(mode="json") if refused else None,
            "reject": reject.model_dump(mode="json", exclude_none=True) if reject else None,
            "marked": result.marked,
            "confidence": result.confidence,
            "passes": result.passes,
            "timings": result.timings,
        }
    )
    return Exit.OK if reject is None and refused is None else Exit.REFUSED


def _judged(guard: Guard, actions: Sequence[JsonAction], asked: Asked) -> tuple[tuple[Planned, ...], Failure | None]:
    """What may happen of what was understood: all of it, or nothing and why not."""
    try:
        return guard.plan(actions, asked), None
    except NodeFault as problem:
        return (), Failure(code=problem.code, message=problem.message, where=problem.where)
