"""The policy where the node asks it: when an answer is settled, when somebody says yes, and right before each sending.

Decides nothing by itself. Between the first time and the last the world may have changed and an action may have become
another thing than it was: a door that is a lock now needs a yes, a place that is gone cannot be driven to. Refuses what
the policy refuses, an action without its digest, one whose need of a yes was never met, and one of somebody whose key
has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from edge_agent.errors import EdgeAgentError
from edge_agent.messages import Rejection
from edge_agent.node.jobs import Asked, Job
from edge_agent.safety.policy import Planned, Policy
from edge_agent.safety.site_rules import Situation
from edge_agent.world.store import World


@dataclass(frozen=True, slots=True)
class Guard:
    """Every action passes here, whatever way it came."""

    policy: Policy
    world_of: Callable[[str], World]
    """A pack's world as it is now."""
    is_known: Callable[[str], bool] = lambda _client: True
    """Whether a client has a good key now, or needs none."""

    def plan(self, actions: Sequence[Any], asked: Asked) -> tuple[Planned, ...]:
        """Check the actions of one command, outside the model, and judge what each can do.

        Raises:
            NodeFault: POLICY_REFUSED, OUTPUT_INVALID.
        """
        return self.policy.judge(asked.pack, actions, self._situation(asked))

    def possible(self, rejection: Rejection, asked: Asked) -> Rejection:
        """A refusal, without those of its readings that could not happen either."""
        readings = tuple(one for one in rejection.readings if self._allows(one.actions, asked))
        return rejection if readings == rejection.readings else rejection.model_copy(update={"readings": readings})

    def hindrance(self, job: Job) -> str:
        """Why an action may not go out now, or ""."""
        if job.asked is None:
            return "POLICY_REFUSED: nobody knows what it was asked with"
        if not self.is_known(job.asked.client):
            return f"KEY_REVOKED: {job.asked.client} has no good key any more"
        try:
            (planned,) = self.plan((job.action,), job.asked)
        except EdgeAgentError as problem:
            return f"{problem.code}: {problem.where}: {problem.message}"
        if planned.digest != job.digest:
            return "POLICY_REFUSED: the action is not the one that was judged"
        if planned.needs_confirmation and not (job.agreed or job.unconfirmed):
            return "POLICY_REFUSED: by now it needs a yes that nobody was asked for"
        return ""

    def _allows(self, actions: Sequence[Any], asked: Asked) -> bool:
        try:
            self.plan(actions, asked)
        except EdgeAgentError:
            return False
        return True

    def _situation(self, asked: Asked) -> Situation:
        world = self.world_of(asked.pack.name)
        return Situation(world, asked.robot, asked.text, asked.area, asked.speaker)
