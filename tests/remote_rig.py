"""An engine on a server elsewhere, under test, and what it is asked."""

from __future__ import annotations

from typing import Any

from engine_models import BRING
from remote_servers import (
    Site,
)

from edge_agent.clock import SystemClock
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.remote import RemoteEngine
from edge_agent.language.remote_options import RemoteOptions
from edge_agent.packs.registry import load_pack

ROBOT = load_pack("robot")
GRAMMAR = SentenceGrammars(ROBOT).for_sentence(BRING)
GOOD = '[{"action":"bring","object":1,"source":2,"destination":"me"}]'
CLOCK = SystemClock()


def request(marked: str = BRING.marked, ttl_ms: float = 20_000, **changes: str) -> DecideRequest:
    return DecideRequest("robot", marked, GRAMMAR, CLOCK.now_ms() + ttl_ms, **changes)


def engine(site: Site, **changes: Any) -> RemoteEngine:
    """An engine that has looked at the server; the bundled model's prompt is the one that is written fastest."""
    made = RemoteEngine(RemoteOptions(site.url, **{"prompt": "bundled", **changes}), (ROBOT,))
    made.start()
    return made
