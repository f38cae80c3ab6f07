"""Every limit that somebody who commands a node may meet, in one place. Units come last in a name."""

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
WORLD_FILE_BYTES_MAX: Final = 67_108_864
"""A world's file; the largest world with long names and a few aliases each is about half of it."""
PACK_FILE_BYTES_MAX: Final = 1_000_000
"""A file with a pack's actions."""
PHRASE_FILE_BYTES_MAX: Final = 2_000_000
"""A file with a pack's phrases."""
ACTIONS_MAX: Final = 6
"""Actions of one sentence."""
ENTITY_MENTIONS_MAX: Final = 20
"""Things that are found in one sentence; what comes behind them is left out."""
QUANTITY_MENTIONS_MAX: Final = 10
"""Numbers, durations and amounts that are found in one sentence."""
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

FRAMES_MAX: Final = 2
"""Frames of one message; two for a chunk of sound."""
MESSAGE_BYTES_MAX: Final = 2 * FRAME_BYTES_MAX
"""A frame beyond it ends the connection; up to it TOO_LARGE is answered."""
ROUTER_MESSAGES_MAX: Final = 2_000
"""Messages waiting for one peer, either way; more are dropped for that peer."""
PUB_MESSAGES_MAX: Final = 10_000
"""Events waiting for one watcher; more are dropped for that watcher, which the gap in `event_seq` shows."""
EVENTS_WAITING_MAX: Final = 10_000
"""Events that a client keeps for a reader that is slow; more are dropped, which the gap in `event_seq` shows."""
CONNECT_MS: Final = 2_000
"""How long a client waits for a node to be there."""
ANSWER_MS: Final = 30_000
"""How long a client waits for a reply, where the command's own time to live is not longer."""
ANSWER_MARGIN_MS: Final = 5_000
"""What a client gives a node to say that a time to live has passed."""
PERFORMED_REMEMBERED_MAX: Final = 1_024
"""Actions that an executor remembers, so that a second delivery does nothing."""
TASKS_MAX: Final = 2_000
"""Messages worked on at once; one more is QUEUE_FULL. Stops are not counted."""
ROBOTS_MAX: Final = 64
"""Robots that may say hello to one node."""
HANDSHAKE_MS: Final = 2_000
"""A connection that has not proved itself after this is closed."""
HEARTBEAT_MS: Final = 2_000
"""How often a silent connection is asked whether it is there."""
HANDSHAKES_PER_S: Final = 50
"""Handshakes of one key, two for each client, with bursts of 100; more are asked to come back after HANDSHAKE_MS."""
DESCRIPTORS_SPARE: Final = 64
"""While the process has fewer free descriptors than this, whoever comes over TCP is asked to come back."""
DESCRIPTORS_MAX: Final = 4_096
"""Descriptors in use, or half of what the process may have where that is fewer, at which a door is emptied, the one
over TCP first: each of its connections is closed, and whoever lives comes back by itself."""
EMPTIED_AGAIN_MS: Final = 1_000
"""What was emptied has this long to let its descriptors go, before a door is emptied again."""
KEYS_MAX: Final = 1_000
"""Keys in one node's file, revoked ones included."""
KEY_FILE_BYTES_MAX: Final = 1_048_576
"""A file of keys."""
RATE_PER_S_DEFAULT: Final = 20
RATE_PER_S_MAX: Final = 1_000
"""Commands a second of one key, 20 unless its grant says otherwise; more are RATE_LIMITED."""
LOCAL_RATE_PER_S: Final = 1_000
"""Commands a second of all clients of the local sockets together."""
MESSAGES_PER_S: Final = 500
"""Other messages a second of one key, chunks of sound included."""
LOCAL_MESSAGES_PER_S: Final = 5_000
"""Other messages a second of all clients of the local sockets together."""
STOPS_PER_S: Final = 20
"""Stops a second of one key while a stop holds already; a stop that stops something is never limited."""
BURST_S: Final = 2
"""A rate may be exceeded by what it allows in this time."""
KEYS_LOOKED_AT_MS: Final = 200
"""How soon a change of the keys' file is noticed."""
DRAIN_S: Final = 2
"""How long commands in progress may take to end when the node goes down."""
PEERS_REMEMBERED_MAX: Final = 8_192
"""Connections over TCP whose keys are remembered; who is forgotten has to speak first."""
LINGER_MS: Final = 500
"""How long a node that goes down waits for peers to take what was sent."""
ASKERS_MAX: Final = 16
"""Connections that wait for one command's answer."""
ANSWERS_KEPT: Final = 1_000
"""Answers told again without asking the journal."""
SESSIONS_MAX: Final = 256
"""Dialogues whose "it" and "there" are remembered; the one not heard for longest is forgotten first."""
ENDED_ACTIONS_KEPT: Final = 1_000
"""Ended actions remembered, so that a late report is told from one about an unknown action."""
LATE_CONFIRMATIONS_KEPT: Final = 1_000
"""Expired confirmations remembered, so that a late yes is told from one that nobody asked for."""
ATTACHED_MAX: Final = 16
"""Connections attached to one microphone of this box."""
WORLD_UPDATES_MAX: Final = 10_000
"""Updates on top of one world file; then they belong into the file."""

POLICY_RULES_MAX: Final = 1_000
"""Limits, forbidden actions and no-go places of one site, of each sort."""
FORMER_ENTITIES_MAX: Final = 200_000
"""Entities that updates took away or changed and that no-go places still know; then the file is to be written anew."""
PRESS_UNREAD_MS: Final = 300
"""A button pressed sooner after an action was shown says yes to nothing: nobody can have read it."""

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

EAR_STILL_MS: Final = 5_000
"""An ear answers every portion of sound; one that says nothing for this long stands still, and another is started."""
EAR_READY_MS: Final = 70_000
"""How long a client waits for a node that has yet to load what listens."""
MICROPHONE_OPEN_S_MAX: Final = 5
"""For opening a microphone; a driver or a sound server that hangs, hangs for longer."""
MICROPHONE_FIRST_SOUND_MS_MAX: Final = 4_000
"""From opening to the first sound. Sound servers may begin late: an idle PulseAudio sink took 1.2 s."""
MICROPHONE_SILENT_MS_MAX: Final = 1_000
"""A microphone that brings no sample for this long is MIC_LOST; one is due every 32 ms."""
SOUND_FILE_S_MAX: Final = 600
"""A sound file that a client plays to a node."""
SPOKEN_NAMES_MAX: Final = 2_000
"""Names and aliases of one world that are listened for. More make every name harder to tell from the next."""
TRANSCRIPT_TOKENS_FREE: Final = 16
TRANSCRIPT_TOKENS_PER_S_MAX: Final = 12
"""A transcript is bounded by its sound, so that a loop ends soon. Quick talk has 7 tokens a second."""

SEQUENCES_MAX: Final = 64
"""Sentences decided at the same time."""
PASS_TOKENS_MAX: Final = 512
"""Tokens of one forward pass; longer texts are read in several."""
PASS_ROWS_MAX: Final = 64
"""Rows of logits of one pass; a row of 128,256 floats is half a megabyte."""
ANSWER_TOKENS_MAX: Final = 512
"""Tokens of one answer, of this box's model or a server's: six actions with long texts stay far below."""
ANSWER_GRACE_MS: Final = 400
"""How long past its deadline a question may stay unanswered before the process that has it is looked at: one forward
pass of a large model."""
REPLY_GRACE_MS: Final = 800
"""How long past its time to live a command may be held up, by a disk that neither takes nor refuses it, before whoever
asked is told: longer than an engine that stands still."""
PASS_MS_MAX: Final = 5_000
"""How long past a deadline one pass may last: on a crowded box, or as somebody with a later deadline reads in it."""
ENGINE_LOOKS: Final = 3
ENGINE_LOOK_MS: Final = 10
"""So often, and so far apart, the engine's process is looked at before its silence counts as a hang: the first look may
find an answer on its way."""
ENGINE_LOAD_S_MAX: Final = 600
"""For loading a model: a large one from a slow disk, its hash included."""
LISTENER_LOAD_S_MAX: Final = 120
"""For loading what listens."""
STILL_LOOK_S: Final = 1
STILL_LOOKS: Final = 6
"""Whatever listens and uses no processor time between so many looks, though it loads or owes an answer, is started
anew. Not even a crowded processor leaves who wants to compute without a tick for so long."""
BACKLOG_BYTES_MAX: Final = 2_097_152
"""What whatever listens may leave unread: a minute of sound. Then it is sent no more."""
REMOTE_REQUESTS_MAX: Final = 64
"""Requests on their way to a server on the site; further ones wait within their deadline."""
REMOTE_CONNECTIONS_KEPT: Final = 8
REMOTE_KEPT_S: Final = 30
"""Connections to it that are kept while nothing is asked, and for how long."""
REMOTE_RESPONSE_BYTES_MAX: Final = 1_048_576
"""One response of it; an answer with its tokens' probabilities has some thousands."""
REMOTE_KEY_CHARS_MAX: Final = 4_096
"""Its API key."""

BEAT_MS: Final = 1_000
"""How often the node shows on the bus that it lives."""
SILENCE_MS: Final = 3_000
"""A watcher that hears nothing of the node for this long takes it for gone; /healthz takes the loop for stalled."""
SCRAPE_CONNECTIONS_MAX: Final = 8
"""Connections to the metrics' socket at once; one more closes the one that has been open longest."""
SCRAPE_REQUEST_BYTES_MAX: Final = 8_192
"""A request for metrics, its headers included."""
SCRAPE_MS_MAX: Final = 2_000
"""From a scraper's connection to the last byte of its answer; then it is cut off."""
LOG_WINDOW_MS: Final = 10_000
"""For how long lines of the log are counted together; what was left out in it is said at its end."""
LOG_TROUBLES_MAX: Final = 20
"""Lines about one kind of trouble (refused messages of one code, say) in one window; more are counted, not written."""
LOG_LINES_MAX: Final = 1_000
"""Lines about one kind of ordinary event in one window."""
LOG_VALUE_CHARS_MAX: Final = 8_000
"""One value in a line of the log; the rest is cut off."""
ZONES_MAX: Final = 32
"""Thermal zones that are looked at, and as many graphics cards."""

JOURNAL_KEEP_DAYS_MIN: Final = 1
JOURNAL_KEEP_DAYS_MAX: Final = 3_650
"""Days that the journal's entries may be kept."""
JOURNAL_MB_MIN: Final = 128
JOURNAL_MB_MAX: Final = 4_096
"""Room for the journal. All of it is read at every start of the node, about 60 MB a second on one core."""
JOURNAL_COMMANDS_KEPT: Final = 20_000
"""The latest commands whose request ids and answers are known whatever their age, and whatever room they take."""
JOURNAL_GROUP_MAX: Final = 256
"""Writes of the journal that share one sync."""
JOURNAL_OWED_MAX: Final = 10_000
"""Facts kept while the disk refuses; one more, and nothing is accepted until a restart."""
