"""The home pack's actions on devices, and its questions about them."""

from __future__ import annotations

from typing import Annotated, Literal

from edge_agent.packs.base import Action, EntitySlot
from edge_agent.packs.home_slots import (
    AreaName,
    Brightness,
    FanSpeed,
    FloorName,
    OnDevices,
    Percent,
    Readable,
    Temperature,
    Where,
)
from edge_agent.packs.home_values import Colour, DeviceClass, Domain, State, StateClass


class TurnOn(OnDevices):
    """Turn on, open, lock, run or activate."""

    action: Literal["HassTurnOn"] = "HassTurnOn"
    domain: Domain | None = None
    device_class: DeviceClass | None = None


class TurnOff(OnDevices):
    """Turn off, close or unlock."""

    action: Literal["HassTurnOff"] = "HassTurnOff"
    domain: Domain | None = None
    device_class: DeviceClass | None = None


class Toggle(OnDevices):
    """Switch to the other state."""

    action: Literal["HassToggle"] = "HassToggle"
    domain: Domain | None = None
    device_class: DeviceClass | None = None


class GetState(Where):
    """Ask for the state of something, or whether it is in a state."""

    action: Literal["HassGetState"] = "HassGetState"
    name: Readable | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
    domain: Domain | None = None
    device_class: StateClass | None = None
    state: State | None = None


class LightSet(Where):
    """Set brightness or colour of lights."""

    action: Literal["HassLightSet"] = "HassLightSet"
    name: Annotated[str, EntitySlot("light", words=("it",))] | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
    domain: Literal["light"] | None = None
    brightness: Brightness | None = None
    brightness_step: Literal["up", "down"] | None = None
    color: Colour | None = None


class SetPosition(Where):
    """Move covers or valves to a position."""

    action: Literal["HassSetPosition"] = "HassSetPosition"
    name: Annotated[str, EntitySlot("cover", "valve", words=("it",))] | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
    domain: Literal["cover", "valve"] | None = None
    device_class: DeviceClass | None = None
    position: Percent


class StopMoving(Where):
    """Stop covers or valves where they are."""

    action: Literal["HassStopMoving"] = "HassStopMoving"
    name: Annotated[str, EntitySlot("cover", "valve", words=("it",))] | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
    domain: Literal["cover", "valve"] | None = None
    device_class: DeviceClass | None = None


class FanSetSpeed(Where):
    """Set a fan's speed."""

    action: Literal["HassFanSetSpeed"] = "HassFanSetSpeed"
    name: Annotated[str, EntitySlot("fan", words=("it",))] | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
    percentage: FanSpeed


class HumidifierSetpoint(Where):
    """Set a humidifier's target."""

    action: Literal["HassHumidifierSetpoint"] = "HassHumidifierSetpoint"
    name: Annotated[str, EntitySlot("humidifier", words=("it",))]
    humidity: Percent


class HumidifierMode(Where):
    """Set a humidifier's mode."""

    action: Literal["HassHumidifierMode"] = "HassHumidifierMode"
    name: Annotated[str, EntitySlot("humidifier", words=("it",))]
    mode: Literal["normal", "eco", "away", "boost", "comfort", "home", "sleep", "auto", "baby"]


class ClimateSetTemperature(Where):
    """Set the temperature."""

    action: Literal["HassClimateSetTemperature"] = "HassClimateSetTemperature"
    name: Annotated[str, EntitySlot("climate", "water_heater", words=("it",))] | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
    temperature: Temperature


class ClimateGetTemperature(Where):
    """Ask for the temperature."""

    action: Literal["HassClimateGetTemperature"] = "HassClimateGetTemperature"
    name: Annotated[str, EntitySlot("climate", "water_heater", words=("it",))] | None = None
    area: AreaName | None = None
    floor: FloorName | None = None


class _Vacuum(Where):
    name: Annotated[str, EntitySlot("vacuum", words=("it",))] | None = None
    area: AreaName | None = None
    floor: FloorName | None = None
    domain: Literal["vacuum"] | None = None


class VacuumStart(_Vacuum):
    """Start vacuuming."""

    action: Literal["HassVacuumStart"] = "HassVacuumStart"


class VacuumReturnToBase(_Vacuum):
    """Send a vacuum back to its base."""

    action: Literal["HassVacuumReturnToBase"] = "HassVacuumReturnToBase"


class LawnMowerStart(Where):
    """Start mowing."""

    action: Literal["HassLawnMowerStartMowing"] = "HassLawnMowerStartMowing"
    name: Annotated[str, EntitySlot("lawn_mower", words=("it",))] | None = None


class LawnMowerDock(Where):
    """Send a lawn mower back to its dock."""

    action: Literal["HassLawnMowerDock"] = "HassLawnMowerDock"
    name: Annotated[str, EntitySlot("lawn_mower", words=("it",))] | None = None


class GetWeather(Action):
    """Ask for the weather."""

    action: Literal["HassGetWeather"] = "HassGetWeather"
    name: Annotated[str, EntitySlot("weather")] | None = None


class GetCurrentTime(Action):
    """Ask what time it is."""

    action: Literal["HassGetCurrentTime"] = "HassGetCurrentTime"


class GetCurrentDate(Action):
    """Ask what day it is."""

    action: Literal["HassGetCurrentDate"] = "HassGetCurrentDate"


class Nevermind(Action):
    """Drop what was being asked."""

    action: Literal["HassNevermind"] = "HassNevermind"


class Respond(Action):
    """A greeting, a thank you: answer, do nothing."""

    action: Literal["HassRespond"] = "HassRespond"
