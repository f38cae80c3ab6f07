"""Putting the listening half together from the settings; `assembly` joins it to the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final

from edge_agent.clock import Clock
from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError
from edge_agent.messages import Command, ErrorReply, Heard
from edge_agent.node.access import Access
from edge_agent.node.ahead import Ahead, ReadingAhead
from edge_agent.node.attached import Attached
from edge_agent.node.audio_streams import AudioStreams
from edge_agent.node.board import Board
from edge_agent.node.ears import Ears
from edge_agent.node.interpret import Interpreter
from edge_agent.node.listening import Listener
from edge_agent.node.microphones import Microphone
from edge_agent.node.orders import Admission
from edge_agent.node.pipeline import Prelude
from edge_agent.node.reception import Reception
from edge_agent.node.requests import Asker
from edge_agent.node.speech_side import SpeechSide
from edge_agent.node.stops import Stops
from edge_agent.node.tasks import Tasks
from edge_agent.node.transcriber import Transcriber
from edge_agent.observe.events import MessageRefused, Stream
from edge_agent.safety.stop import is_stop
from edge_agent.settings import SpeechSettings
from edge_agent.speech.choice import Choice
from edge_agent.speech.recognition import Lexicon
from edge_agent.speech.wording import lexicon_of
from edge_agent.store.pinned import files_of, whisper_model

ENDED: Final = "a key that has ended"
"""Who stopped, where nobody can say it any more."""
SPOTTED: Final = ("stop", "halt", "freeze", "emergency stop")
"""Stops that are known by their sound alone, before anything is transcribed."""


@dataclass(slots=True)
class SpokenDesk:
    """Hands spoken commands to the reception, which is made after the streams are."""

    reading_ahead: ReadingAhead
    access: Access
    key_of: Callable[[bytes], str]
    """The public key of a connection; empty for the local ones, and for this box's microphones."""
    reception: Reception | None = None

    def whose(self, peer: bytes) -> str:
        """The name of whose sound it is; sound that came in before its key ended still stops."""
        try:
            return self.access.grant(self.key_of(peer)).name
        except ClientFault:
            return ENDED

    async def read_ahead(self, command: Command, peer: bytes, received_ms: float) -> Ahead | None:
        try:
            asker = Asker(peer, self.access.grant(self.key_of(peer)).name)
        except ClientFault:
            return None  # its end will be told why
        return await self.reading_ahead.read(command, asker, received_ms)

    def take(
        self, command: Command, peer: bytes, received_ms: float, stages: Mapping[str, float], ahead: Ahead | None
    ) -> None:
        assert self.reception is not None
        self.reception.take(command, peer, self.key_of(peer), received_ms, Prelude(stages, ahead))


def recogniser_choice(settings: SpeechSettings) -> Choice:
    """Which recogniser the settings mean on this machine.

    Raises:
        ConfigurationFault: MODEL_MISSING when Whisper is asked for and there is no model, MODEL_DAMAGED.
    """
    folder = settings.whisper or (whisper_model() if settings.recogniser in ("auto", "whisper") else None)
    if settings.recogniser == "whisper" and folder is None:
        raise ConfigurationFault(
            Code.MODEL_MISSING,
            "no Whisper model is at hand: `edge-agent models pull whisper-small.en`, or name a folder",
            where="speech.whisper",
        )
    if folder is None or settings.recogniser in ("sphinx", "off"):
        return Choice(language=settings.language)
    return Choice(
        name="whisper",
        model=str(folder),
        sha256=files_of(folder),
        language=settings.language,
        device=settings.device,
        compute_type=settings.compute_type,
        n_threads=settings.n_threads,
    )


def listening_half(
    settings: SpeechSettings,
    interpreters: Mapping[str, Interpreter],
    *,
    admission: Admission,
    attached: Attached,
    board: Board,
    desk: SpokenDesk,
    stops: Stops,
    tasks: Tasks,
    stream: Stream,
    clock: Clock,
) -> SpeechSide:
    """The ear, the recogniser, the streams and the microphones."""
    numbers = count(1)

    def lexicon(pack: str) -> Lexicon:
        interpreter = interpreters[pack]
        interpreter.linker.prepare_for_speech()  # here, in a thread: the sounds of many names take a while
        return lexicon_of(interpreter.pack, interpreter.world)

    def tell(peer: bytes, heard: Heard) -> None:
        attached.reply(peer, heard)
        board.show_heard(heard)

    def fault(peer: bytes, problem: EdgeAgentError, stream_id: str) -> None:
        attached.reply(peer, ErrorReply(code=problem.code, message=problem.message, request_id=stream_id))
        stream.tell(MessageRefused(problem.code, problem.message, stream_id))

    transcriber = Transcriber(recogniser_choice(settings), lexicon, tuple(interpreters), stream, clock)
    ears = Ears(
        {"pause_ms": settings.pause_ms, "end_ms": settings.end_ms},
        _spotted(interpreters) if settings.stop_words else (),
        stream,
        clock,
    )
    listener = Listener(
        transcriber=transcriber,
        ears=ears,
        desk=desk,
        stop=lambda words, peer: stops.halt(words, desk.whose(peer)),
        tell=tell,
        fault=fault,
        begin=tasks.begin,
        new_request_id=lambda: f"u-{board.epoch}-{next(numbers)}",
        clock=clock,
        eager=settings.eager,
        sure_end_ms=float(settings.sure_end_ms),
    )
    names = frozenset(one.name for one in settings.microphones)
    streams = AudioStreams(listener, ears, admission, attached.reply, clock, watched=names.__contains__)
    microphones = {one.name: Microphone(one, streams, stream, clock) for one in settings.microphones}
    enabled = settings.recogniser != "off"
    return SpeechSide(ears, transcriber, streams, microphones, attached, attached.reply, enabled)


def _spotted(interpreters: Mapping[str, Interpreter]) -> tuple[str, ...]:
    """The stop phrases that are listened for by their sound: those that stop one of this node's packs when written."""
    prefixes = {interpreter.pack.stop_prefix for interpreter in interpreters.values()}
    return tuple(phrase for phrase in SPOTTED if any(is_stop(phrase, prefix=prefix) for prefix in prefixes))
