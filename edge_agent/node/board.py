"""What everybody may watch: every change, numbered, on the PUB socket and on the stream."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.messages import Beat, CommandEvent, Heard, Message, Outcome, StateEvent, Stop
from edge_agent.messages.codec import encode
from edge_agent.messages.schema import TOPICS
from edge_agent.node.jobs import Job
from edge_agent.observe.events import ActionChanged, Stream

_TOPIC_OF = {kind: topic for topic, kind in TOPICS.items()}

Publish = Callable[[str, bytes], None]


class Board:
    """Numbers events of this epoch and shows them."""

    def __init__(self, publish: Publish, stream: Stream, epoch: int) -> None:
        self._publish = publish
        self._stream = stream
        self.epoch = epoch
        self.event_seq = 0

    def show_action(self, job: Job, now_ms: float) -> None:
        """An action's state as it is now, and until when it waits for a yes."""
        self.event_seq += 1
        event = StateEvent(
            epoch=self.epoch,
            event_seq=self.event_seq,
            command_id=job.command_id,
            action_id=job.action_id,
            robot=job.robot,
            action=job.action,
            state=job.state,
            reason=job.reason,
            unconfirmed=job.waits_for_yes(now_ms),
        )
        self._show(event)
        self._stream.tell(ActionChanged(job.action_id, job.command_id, job.robot, job.state, job.reason))

    def show_answer(self, command_id: str, outcome: Outcome) -> None:
        """A command was answered."""
        self.event_seq += 1
        self._show(
            CommandEvent(epoch=self.epoch, event_seq=self.event_seq, command_id=command_id, outcome=outcome),
        )

    def show_stop(self, stop: Stop) -> None:
        """A stop, and again while somebody has not acknowledged it. It has an id of its own and no number."""
        self._show(stop)

    def show_heard(self, heard: Heard) -> None:
        """Somebody was heard. It has its stream's own numbers."""
        self._show(heard)

    def show_beat(self, beat: Beat) -> None:
        """The node is alive. It has a number of its own."""
        self._show(beat)

    def _show(self, message: Message) -> None:
        self._publish(_TOPIC_OF[type(message)], encode(message))
