"""Everything that is open now, for whoever has missed events. Reads, and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agent import __version__, limits
from edge_agent.clock import Clock
from edge_agent.messages import OpenAction, RobotStatus, Snapshot
from edge_agent.messages.codec import encode
from edge_agent.node.board import Board
from edge_agent.node.dispatch import Dispatcher
from edge_agent.node.health import Health
from edge_agent.node.stops import Stops


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Looks at every part."""

    board: Board
    dispatcher: Dispatcher
    stops: Stops
    health: Health
    packs: tuple[str, ...]
    clock: Clock

    def take(self, request_id: str) -> Snapshot:
        """The state as of the last event."""
        jobs, now_ms = self.dispatcher.lines.open_jobs(), self.clock.now_ms()
        latched = self.stops.latched
        whole = Snapshot(
            request_id=request_id,
            epoch=self.board.epoch,
            event_seq=self.board.event_seq,
            version=__version__,
            packs=self.packs,
            engine_ready=self.health.engine_ready,
            degraded=tuple(map(str, self.health.degraded())),
            stop_id=latched.stop_id if latched is not None else None,
            robots=tuple(
                RobotStatus(robot=line.robot, present=self.dispatcher.present(line))
                for line in self.dispatcher.lines.all()
                if line.executor is not None
            ),
            open=tuple(
                OpenAction(
                    command_id=job.command_id,
                    action_id=job.action_id,
                    robot=job.robot,
                    action=job.action,
                    state=job.state,
                    unconfirmed=job.waits_for_yes(now_ms),
                )
                for job in jobs[: limits.SNAPSHOT_ACTIONS_MAX]
            ),
            truncated=len(jobs) > limits.SNAPSHOT_ACTIONS_MAX,
        )
        return within_frame(whole)


def within_frame(snapshot: Snapshot) -> Snapshot:
    """The snapshot, with the latest open actions left out until it fits one frame; long texts make actions long."""
    while snapshot.open and len(encode(snapshot)) > limits.FRAME_BYTES_MAX:
        kept = snapshot.open[: len(snapshot.open) * 3 // 4]
        snapshot = snapshot.model_copy(update={"open": kept, "truncated": True})
    return snapshot
