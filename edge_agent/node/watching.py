"""What listens to a node and looks at its machine: the log, the metrics and their server, the thermometer.

Put together before anything else, so that the first words of the node are heard, and taken down last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from edge_agent.clock import Clock
from edge_agent.observe.database import FILE_NAME
from edge_agent.observe.events import NodeChanged, Stream
from edge_agent.observe.heat import Heat
from edge_agent.observe.log import Level, Log, LogRules
from edge_agent.observe.machine import Machine
from edge_agent.observe.metrics import CONTENT_TYPE, Metrics
from edge_agent.observe.modes import Degraded, Mode
from edge_agent.observe.readiness import Readiness
from edge_agent.observe.scrape import ScrapeServer, scrape_address
from edge_agent.settings import HealthSettings, Settings


@dataclass(frozen=True, slots=True)
class Watching:
    """Who watches a node. `server` None: nobody may scrape it."""

    stream: Stream
    machine: Machine
    heat: Heat
    server: ScrapeServer | None = None

    def degraded(self) -> tuple[Degraded, ...]:
        """What of the machine, or of watching it, is not as it should be."""
        looked_at = (
            (Mode.HOT, self.heat.words(self.machine.state.temperatures)),
            (Mode.NO_METRICS, self.server.trouble if self.server is not None else ""),
        )
        return tuple(Degraded(mode, words) for mode, words in looked_at if words)


@contextmanager
def watched(settings: Settings, packs: Iterable[str], clock: Clock, out: TextIO) -> Iterator[Watching]:
    """Watch a node of these packs, with its log on `out`.

    Raises:
        ConfigurationFault: INSECURE_BIND or SETTINGS_INVALID for `health.metrics`.
    """
    health = settings.health
    log = Log(out, clock, log_rules(health, out))
    machine = Machine(health.thermal, settings.state_dir / FILE_NAME)
    try:
        if health.metrics is None:
            yield Watching(Stream(log), machine, Heat(health.hot_c))
            return
        address = scrape_address(health.metrics)
        metrics, readiness = Metrics(packs), Readiness(clock)
        stream = Stream(log, metrics, readiness)
        server = ScrapeServer(address, metrics.render, CONTENT_TYPE, readiness.look)
        try:
            stream.tell(NodeChanged("metrics", server.trouble or f"served at {server.where}"))
            yield Watching(stream, machine, Heat(health.hot_c), server)
        finally:
            server.close()
    finally:
        machine.close()


def log_rules(health: HealthSettings, out: TextIO) -> LogRules:
    """How the settings want the log on `out`."""
    as_json = not out.isatty() if health.log == "auto" else health.log == "json"
    return LogRules(as_json=as_json, level=Level[health.log_level.upper()], with_text=health.log_text)
