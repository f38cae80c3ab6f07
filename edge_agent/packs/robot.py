"""The robot pack: what a mobile robot with an arm can be told.

Slots take more kinds than the obvious one, because people say "go to john" and "put it on the table": a wrong kind
costs no safety here, an unknown name is refused before any kind is looked at. Whatever moves the robot or its arm is
`motion`; switching and talking are `none`. A sentence that begins with a stop word is a stop, whatever follows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from edge_agent.packs.base import Action, EntitySlot, QuantitySlot, TextSlot, make_pack
from edge_agent.world.mention import Unit

_HERE: Final = Path(__file__).parent
_ANYTHING = ("place", "item", "person", "device", "container")
_THINGS = ("item", "container", "device")
_SPOTS = ("place", "container", "item", "device", "person")


class GoTo(Action):
    """Drive to a place, a thing or a person."""

    action: Literal["go_to"] = "go_to"
    place: Annotated[str, EntitySlot(*_ANYTHING, words=("me", "here", "it", "there"))]


class Move(Action):
    """Move a little in a direction, seen from the robot."""

    action: Literal["move"] = "move"
    direction: Literal["forward", "backward", "left", "right", "up", "down"]
    distance_m: Annotated[float, QuantitySlot(Unit.METRE, 0.01, 100)] | None = None


class Turn(Action):
    """Turn on the spot."""

    action: Literal["turn"] = "turn"
    direction: Literal["left", "right", "around"]
    angle_deg: Annotated[float, QuantitySlot(Unit.DEGREE, 1, 360)] | None = None


class Follow(Action):
    """Stay behind somebody or something that moves."""

    action: Literal["follow"] = "follow"
    target: Annotated[str, EntitySlot("person", *_THINGS, words=("me", "it"))]


class Guide(Action):
    """Lead a person to a place."""

    action: Literal["guide"] = "guide"
    person: Annotated[str, EntitySlot("person", words=("me", "it"))]
    place: Annotated[str, EntitySlot(*_ANYTHING, words=("it", "here", "there"))]


class Pick(Action):
    """Take hold of an object."""

    action: Literal["pick"] = "pick"
    object: Annotated[str, EntitySlot(*_THINGS, words=("it",))]
    source: Annotated[str, EntitySlot(*_SPOTS, words=("me", "here", "it", "there"))] | None = None


class Place(Action):
    """Put an object down somewhere; without a destination, where the robot is."""

    action: Literal["place"] = "place"
    object: Annotated[str, EntitySlot(*_THINGS, words=("it",))]
    destination: Annotated[str, EntitySlot(*_SPOTS, words=("me", "here", "it", "there"))] | None = None


class Bring(Action):
    """Fetch an object and take it to a place or a person."""

    action: Literal["bring"] = "bring"
    object: Annotated[str, EntitySlot(*_THINGS, words=("it",))]
    source: Annotated[str, EntitySlot(*_SPOTS, words=("me", "here", "it", "there"))] | None = None
    destination: Annotated[str, EntitySlot(*_SPOTS, words=("me", "here", "it", "there"))] | None = None


class Find(Action):
    """Search for something and say where it is."""

    action: Literal["find"] = "find"
    target: Annotated[str, EntitySlot(*_ANYTHING, words=("it",))]
    area: Annotated[str, EntitySlot(*_SPOTS, words=("here", "it", "there"))] | None = None


class Inspect(Action):
    """Look at something closely and report."""

    action: Literal["inspect"] = "inspect"
    target: Annotated[str, EntitySlot(*_ANYTHING, words=("it", "here", "there"))]


class Open(Action):
    """Open a door, a container or a device."""

    action: Literal["open"] = "open"
    target: Annotated[str, EntitySlot("device", "container", "item", "place", words=("it",))]


class Close(Action):
    """Close a door, a container or a device."""

    action: Literal["close"] = "close"
    target: Annotated[str, EntitySlot("device", "container", "item", "place", words=("it",))]


class TurnOn(Action):
    """Switch a device on."""

    action: Literal["turn_on"] = "turn_on"
    device: Annotated[str, EntitySlot("device", "item", words=("it",))]


class TurnOff(Action):
    """Switch a device off."""

    action: Literal["turn_off"] = "turn_off"
    device: Annotated[str, EntitySlot("device", "item", words=("it",))]


class Wait(Action):
    """Do nothing for a time."""

    action: Literal["wait"] = "wait"
    seconds: Annotated[float, QuantitySlot(Unit.SECOND, 0.1, 86_400)]


class Say(Action):
    """Speak these words aloud."""

    action: Literal["say"] = "say"
    text: Annotated[str, TextSlot(200)]


class Stop(Action):
    """Stop everything at once."""

    action: Literal["stop"] = "stop"


class Pause(Action):
    """Hold the task that is running, to be resumed."""

    action: Literal["pause"] = "pause"


class Resume(Action):
    """Go on with the task that was paused."""

    action: Literal["resume"] = "resume"


class Dock(Action):
    """Drive to the charger and charge."""

    action: Literal["dock"] = "dock"


PACK: Final = make_pack(
    "robot",
    "A mobile robot with an arm: drive, fetch, carry, find, inspect, open and close, switch, speak.",
    {
        GoTo: "motion",
        Move: "motion",
        Turn: "motion",
        Follow: "motion",
        Guide: "motion",
        Pick: "motion",
        Place: "motion",
        Bring: "motion",
        Find: "motion",
        Inspect: "motion",
        Open: "motion",
        Close: "motion",
        TurnOn: "none",
        TurnOff: "none",
        Wait: "none",
        Say: "none",
        Stop: "stop",
        Pause: "none",
        Resume: "motion",
        Dock: "motion",
    },
    phrases=(
        _HERE / "phrases" / "shared.yaml",
        _HERE / "phrases" / "reject.yaml",
        _HERE / "phrases" / "robot_driving.yaml",
        _HERE / "phrases" / "robot_carrying.yaml",
        _HERE / "phrases" / "robot_looking.yaml",
        _HERE / "phrases" / "robot_switching.yaml",
        _HERE / "phrases" / "robot.yaml",
    ),
    example_world=_HERE / "worlds" / "robot.toml",
    ttl_ms=2_000,
    confidence_min=0.5,  # what is more likely wrong than right does not happen
    stop_prefix=True,
)
