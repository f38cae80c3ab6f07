"""The slots that most of the home pack's actions share, and their order: name, area, floor, domain, device class."""

from __future__ import annotations

from typing import Annotated, Final

from edge_agent.packs.base import Action, EntitySlot, QuantitySlot, TextSlot
from edge_agent.world.mention import Unit

SWITCHABLE: Final = (
    "light", "switch", "fan", "cover", "lock", "media_player", "climate", "vacuum", "valve", "scene", "script",
    "input_boolean", "automation", "humidifier", "siren", "lawn_mower", "button", "remote", "water_heater", "camera",
)  # fmt: skip
READABLE: Final = (
    *SWITCHABLE, "sensor", "binary_sensor", "person", "device_tracker", "weather", "update", "todo",
    "alarm_control_panel", "input_number", "input_select", "select", "timer", "zone",
)  # fmt: skip

AreaName = Annotated[str, EntitySlot("area", words=("here",))]
FloorName = Annotated[str, EntitySlot("floor")]
Switchable = Annotated[str, EntitySlot(*SWITCHABLE, words=("it",))]
Readable = Annotated[str, EntitySlot(*READABLE, words=("it",))]
Player = Annotated[str, EntitySlot("media_player", words=("it",))]
ShortText = Annotated[str, TextSlot(80)]

Percent = Annotated[int, QuantitySlot(Unit.PERCENT, 0, 100, integer=True)]
Brightness = Annotated[int, QuantitySlot(Unit.PERCENT, 0, 100, integer=True, lowest=1)]
"""The lowest brightness is 1 percent, for 0 turns the light off; so with a fan's speed."""
FanSpeed = Brightness
Temperature = Annotated[float, QuantitySlot(Unit.TEMPERATURE, -50, 150)]
Hours = Annotated[float, QuantitySlot(Unit.HOUR, 0, 1_000)]
Minutes = Annotated[float, QuantitySlot(Unit.MINUTE, 0, 10_000)]
Seconds = Annotated[float, QuantitySlot(Unit.SECOND, 0, 100_000)]


class Where(Action):
    """Base of actions on one named thing or on those of a place."""

    action: str


class OnDevices(Where):
    """Something that can be switched, by name or by place."""

    name: Switchable | None = None
    area: AreaName | None = None
    floor: FloorName | None = None


class OnPlayers(Where):
    """A media player, by name or by place."""

    name: Player | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
