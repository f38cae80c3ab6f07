"""The home pack's actions on media players and volume, lists and announcements."""

from __future__ import annotations

from typing import Annotated, Literal

from edge_agent.packs.base import Action, EntitySlot
from edge_agent.packs.home_slots import AreaName, OnPlayers, Percent, ShortText
from edge_agent.packs.home_values import MediaClass

PlayerClass = Literal["speaker", "tv", "receiver"]


class _PlayerGroup(OnPlayers):
    domain: Literal["media_player"] | None = None
    device_class: PlayerClass | None = None


class Next(_PlayerGroup):
    """Skip to the next track."""

    action: Literal["HassMediaNext"] = "HassMediaNext"


class Previous(_PlayerGroup):
    """Go back to the previous track."""

    action: Literal["HassMediaPrevious"] = "HassMediaPrevious"


class Pause(_PlayerGroup):
    """Pause what is playing."""

    action: Literal["HassMediaPause"] = "HassMediaPause"


class Unpause(_PlayerGroup):
    """Go on playing."""

    action: Literal["HassMediaUnpause"] = "HassMediaUnpause"


class Mute(_PlayerGroup):
    """Mute the sound."""

    action: Literal["HassMediaPlayerMute"] = "HassMediaPlayerMute"


class Unmute(_PlayerGroup):
    """Give the sound back."""

    action: Literal["HassMediaPlayerUnmute"] = "HassMediaPlayerUnmute"


class SetVolume(_PlayerGroup):
    """Set the volume."""

    action: Literal["HassSetVolume"] = "HassSetVolume"
    volume_level: Percent


class SetVolumeRelative(_PlayerGroup):
    """Make it louder or quieter."""

    action: Literal["HassSetVolumeRelative"] = "HassSetVolumeRelative"
    volume_step: Literal["up", "down"]


class SearchAndPlay(OnPlayers):
    """Search for music or another medium and play it."""

    action: Literal["HassMediaSearchAndPlay"] = "HassMediaSearchAndPlay"
    search_query: ShortText
    media_class: MediaClass | None = None


class Broadcast(Action):
    """Announce a message in the home."""

    action: Literal["HassBroadcast"] = "HassBroadcast"
    message: ShortText
    area: AreaName | None = None


class ListAddItem(Action):
    """Put an item on a list."""

    action: Literal["HassListAddItem"] = "HassListAddItem"
    item: ShortText
    name: Annotated[str, EntitySlot("todo")]


class ListCompleteItem(Action):
    """Check an item off a list."""

    action: Literal["HassListCompleteItem"] = "HassListCompleteItem"
    item: ShortText
    name: Annotated[str, EntitySlot("todo")]


class ShoppingListAddItem(Action):
    """Put an item on the shopping list."""

    action: Literal["HassShoppingListAddItem"] = "HassShoppingListAddItem"
    item: ShortText


class ShoppingListCompleteItem(Action):
    """Check an item off the shopping list."""

    action: Literal["HassShoppingListCompleteItem"] = "HassShoppingListCompleteItem"
    item: ShortText
