"""Home Assistant's own value lists: domains, device classes, states, colours, media classes.

Taken over as Home Assistant spells them, so that an action can be handed to it unchanged.
Source: homeassistant.const, the components' DeviceClass enums and the CSS3 colour names of homeassistant.util.color.
"""

from __future__ import annotations

from typing import Literal

Domain = Literal[
    "alarm_control_panel",
    "automation",
    "binary_sensor",
    "button",
    "camera",
    "climate",
    "cover",
    "device_tracker",
    "fan",
    "humidifier",
    "input_boolean",
    "input_number",
    "input_select",
    "lawn_mower",
    "light",
    "lock",
    "media_player",
    "person",
    "remote",
    "scene",
    "script",
    "select",
    "sensor",
    "siren",
    "switch",
    "timer",
    "todo",
    "update",
    "vacuum",
    "valve",
    "water_heater",
    "weather",
    "zone",
]

CoverClass = Literal["awning", "blind", "curtain", "damper", "door", "garage", "gate", "shade", "shutter", "window"]

DeviceClass = Literal[
    # covers
    "awning", "blind", "curtain", "damper", "door", "garage", "gate", "shade", "shutter", "window",
    # switches, valves and media players
    "outlet", "switch", "water", "gas", "tv", "speaker", "receiver",
]  # fmt: skip

StateClass = Literal[
    # covers
    "awning", "blind", "curtain", "damper", "door", "garage", "gate", "shade", "shutter", "window",
    # binary sensors
    "battery", "battery_charging", "carbon_monoxide", "cold", "connectivity", "garage_door", "gas", "heat", "light",
    "lock", "moisture", "motion", "moving", "occupancy", "opening", "plug", "power", "presence", "problem", "running",
    "safety", "smoke", "sound", "tamper", "update", "vibration",
    # sensors
    "absolute_humidity", "apparent_power", "aqi", "area", "atmospheric_pressure", "blood_glucose_concentration",
    "carbon_dioxide", "conductivity", "current", "data_rate", "data_size", "date", "distance", "duration", "energy",
    "energy_distance", "energy_storage", "enum", "frequency", "humidity", "illuminance", "irradiance", "monetary",
    "nitrogen_dioxide", "nitrogen_monoxide", "nitrous_oxide", "ozone", "ph", "pm1", "pm10", "pm25", "power_factor",
    "precipitation", "precipitation_intensity", "pressure", "reactive_energy", "reactive_power", "signal_strength",
    "sound_pressure", "speed", "sulphur_dioxide", "temperature", "timestamp", "uptime", "volatile_organic_compounds",
    "volatile_organic_compounds_parts", "voltage", "volume", "volume_flow_rate", "volume_storage", "water", "weight",
    "wind_direction", "wind_speed",
    # switches and media players
    "outlet", "switch", "tv", "speaker", "receiver",
]  # fmt: skip

State = Literal[
    "on", "off", "open", "closed", "opening", "closing", "locked", "unlocked", "locking", "unlocking", "jammed",
    "home", "not_home", "playing", "paused", "idle", "cleaning", "docked", "returning", "mowing", "error",
    "heating", "cooling", "charging",
]  # fmt: skip

MediaClass = Literal["album", "artist", "track", "playlist", "podcast", "movie", "tv_show"]

Colour = Literal[
    "aliceblue", "antiquewhite", "aqua", "aquamarine", "azure", "beige", "bisque", "black", "blanchedalmond", "blue",
    "blueviolet", "brown", "burlywood", "cadetblue", "chartreuse", "chocolate", "coral", "cornflowerblue", "cornsilk",
    "crimson", "cyan", "darkblue", "darkcyan", "darkgoldenrod", "darkgray", "darkgreen", "darkgrey", "darkkhaki",
    "darkmagenta", "darkolivegreen", "darkorange", "darkorchid", "darkred", "darksalmon", "darkseagreen",
    "darkslateblue", "darkslategray", "darkslategrey", "darkturquoise", "darkviolet", "deeppink", "deepskyblue",
    "dimgray", "dimgrey", "dodgerblue", "firebrick", "floralwhite", "forestgreen", "fuchsia", "gainsboro",
    "ghostwhite", "gold", "goldenrod", "gray", "green", "greenyellow", "grey", "honeydew", "hotpink", "indianred",
    "indigo", "ivory", "khaki", "lavender", "lavenderblush", "lawngreen", "lemonchiffon", "lightblue", "lightcoral",
    "lightcyan", "lightgoldenrodyellow", "lightgray", "lightgreen", "lightgrey", "lightpink", "lightsalmon",
    "lightseagreen", "lightskyblue", "lightslategray", "lightslategrey", "lightsteelblue", "lightyellow", "lime",
    "limegreen", "linen", "magenta", "maroon", "mediumaquamarine", "mediumblue", "mediumorchid", "mediumpurple",
    "mediumseagreen", "mediumslateblue", "mediumspringgreen", "mediumturquoise", "mediumvioletred", "midnightblue",
    "mintcream", "mistyrose", "moccasin", "navajowhite", "navy", "navyblue", "oldlace", "olive", "olivedrab", "orange",
    "orangered", "orchid", "palegoldenrod", "palegreen", "paleturquoise", "palevioletred", "papayawhip", "peachpuff",
    "peru", "pink", "plum", "powderblue", "purple", "red", "rosybrown", "royalblue", "saddlebrown", "salmon",
    "sandybrown", "seagreen", "seashell", "sienna", "silver", "skyblue", "slateblue", "slategray", "slategrey", "snow",
    "springgreen", "steelblue", "tan", "teal", "thistle", "tomato", "turquoise", "violet", "wheat", "white",
    "whitesmoke", "yellow", "yellowgreen",
]  # fmt: skip
