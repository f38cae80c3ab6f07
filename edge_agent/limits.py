"""Every limit of the wire and of the texts on it, in one place. Units come last in a name."""

from __future__ import annotations

from typing import Final

FRAME_BYTES_MAX: Final = 65_536
"""A JSON frame. The sockets cut a peer off at twice that, so that no larger one reaches memory."""
NESTING_MAX: Final = 16
"""Objects and lists inside one another in a frame."""
NUMBER_DIGITS_MAX: Final = 32
"""Characters of one JSON number."""
TEXT_CHARS_MAX: Final = 500
"""A command's text. One more is TOO_LONG."""
ID_CHARS_MAX: Final = 64
"""A request's, action's or robot's id."""
NAME_CHARS_MAX: Final = 80
"""An entity's name, alias or kind."""
ALIASES_MAX: Final = 32
"""Aliases of one entity."""
WORLD_ENTITIES_MAX: Final = 200_000
"""Entities of one world."""
WORLD_UPDATE_ENTITIES_MAX: Final = 500
"""Entities added or removed by one world update."""
ACTIONS_MAX: Final = 6
"""Actions of one sentence."""
CANDIDATES_MAX: Final = 9
"""Candidates named in a reject(ambiguous)."""
READINGS_MAX: Final = 3
"""Readings of a doubtful sentence named in a reject(ambiguous)."""
TTL_MS_MIN: Final = 1
TTL_MS_MAX: Final = 600_000
"""A command's time to live, 1 ms to 10 minutes."""
REASON_CHARS_MAX: Final = 200
"""A robot's own words about a state."""
COMMANDS_IN_FLIGHT_MAX: Final = 256
"""Commands accepted and not yet answered; one more is QUEUE_FULL. STOP is not counted."""
SNAPSHOT_ACTIONS_MAX: Final = 200
"""Open actions named in one snapshot."""

AUDIO_RATE_HZ_MIN: Final = 8_000
AUDIO_RATE_HZ_MAX: Final = 48_000
"""Sampling rates that are taken; everything is resampled to 16 kHz."""
AUDIO_CHANNELS_MAX: Final = 2
"""Two channels are averaged to one."""
AUDIO_STREAMS_MAX: Final = 8
"""Audio streams open at once, microphones of this box included; one more is QUEUE_FULL."""
AUDIO_WINDOW_MS: Final = 4_000
"""Audio that a client may send ahead of the last `audio_progress`; more is AUDIO_OVERRUN."""
AUDIO_QUIET_MS_MAX: Final = 3_000
"""An open stream that sends nothing for this long is AUDIO_LOST, and what was half said is dropped."""
UTTERANCE_MS_MAX: Final = 15_000
"""Longest utterance; more is UTTERANCE_TOO_LONG and nothing of it is done."""
ALTERNATIVES_MAX: Final = 5
"""Other readings of one utterance that a recogniser may hand on."""
