"""Who may say yes to what: bound to the digest of the exact action, once, for a while.

The asker shows the single-use token that came with the answer. Somebody who has the authority and hears of the waiting
action otherwise, at a button beside the machine or an operator's screen, needs none. Pure but for the token's
randomness; time is an argument.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge_agent import limits
from edge_agent.errors import ClientFault, Code
from edge_agent.messages import Confirmation

_TOKEN_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class _Asked:
    digest: str
    token: str
    expires_ms: float


class Confirmations:
    """What waits for a yes."""

    def __init__(self, ttl_ms: float) -> None:
        self.ttl_ms = ttl_ms
        self._asked: dict[str, _Asked] = {}
        self._late: OrderedDict[str, None] = OrderedDict()

    def ask(self, action_id: str, digest: str, now_ms: float) -> Confirmation:
        """Open a confirmation; the result goes to the client that may give it."""
        token = secrets.token_hex(_TOKEN_BYTES)
        self._asked[action_id] = _Asked(digest, token, now_ms + self.ttl_ms)
        return Confirmation(token=token, expires_in_ms=float(self.ttl_ms))

    def until_ms(self, action_ids: Iterable[str]) -> float:
        """When the first of these actions' confirmations expires; 0 where none is asked for."""
        return min((self._asked[one].expires_ms for one in action_ids if one in self._asked), default=0.0)

    def redeem(
        self, action_id: str, digest: str, token: str | None, now_ms: float, *, by_authority: bool = False
    ) -> None:
        """A yes. Whatever comes of it, there is no second one.

        `by_authority`: who says it may do so without a token; a token that is shown has to be the right one all the
        same.

        Raises:
            ClientFault: CONFIRMATION_UNKNOWN, CONFIRMATION_EXPIRED, or CONFIRMATION_MISMATCH: the action must be ended.
        """
        asked = self._asked.pop(action_id, None)
        if asked is None:
            if action_id in self._late:
                raise ClientFault(Code.CONFIRMATION_EXPIRED, "the time to confirm is over", where="action_id")
            raise ClientFault(Code.CONFIRMATION_UNKNOWN, "no yes is waited for here (any more)", where="action_id")
        if now_ms >= asked.expires_ms:
            self._remember_late(action_id)
            raise ClientFault(Code.CONFIRMATION_EXPIRED, "the time to confirm is over", where="action_id")
        same_token = by_authority if token is None else hmac.compare_digest(asked.token.encode(), token.encode())
        same_action = hmac.compare_digest(asked.digest.encode(), digest.encode())
        if not (same_token and same_action):
            raise ClientFault(
                Code.CONFIRMATION_MISMATCH,
                "the token or the digest is not this action's; it will not happen",
                where="token" if not same_token else "digest",
            )

    def expire(self, now_ms: float) -> None:
        """Forget what nobody confirmed in time."""
        for action_id in [key for key, asked in self._asked.items() if now_ms >= asked.expires_ms]:
            del self._asked[action_id]
            self._remember_late(action_id)

    def _remember_late(self, action_id: str) -> None:
        self._late[action_id] = None
        while len(self._late) > limits.LATE_CONFIRMATIONS_KEPT:
            self._late.popitem(last=False)
