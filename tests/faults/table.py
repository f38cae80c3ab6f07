"""Which campaigns there are, in the order of the report."""

from __future__ import annotations

from typing import Final

from faults import (
    damage,
    descriptors,
    disk,
    executors,
    frames,
    hang,
    hang_speech,
    held_up,
    interpreter,
    kill,
    late,
    peers,
    replay,
    soak,
    stop,
    strangers,
    subscribers,
)
from faults.campaign import Campaign

CAMPAIGNS: Final[tuple[Campaign, ...]] = (
    kill.CAMPAIGN,
    replay.CAMPAIGN,
    late.CAMPAIGN,
    executors.CAMPAIGN,
    stop.CAMPAIGN,
    strangers.CAMPAIGN,
    frames.CAMPAIGN,
    peers.CAMPAIGN,
    descriptors.CAMPAIGN,
    hang.CAMPAIGN,
    hang_speech.CAMPAIGN,
    interpreter.CAMPAIGN,
    disk.CAMPAIGN,
    held_up.CAMPAIGN,
    damage.CAMPAIGN,
    subscribers.CAMPAIGN,
    soak.CAMPAIGN,
)


def named(name: str) -> Campaign:
    """The campaign of this name.

    Raises:
        KeyError: there is none.
    """
    return {campaign.name: campaign for campaign in CAMPAIGNS}[name]
