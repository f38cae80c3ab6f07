"""What `doctor` says of the health settings, of this machine's temperatures, and of each mode that a node is in."""

from __future__ import annotations

from edge_agent.observe.cards import Cards
from edge_agent.observe.heat import Heat
from edge_agent.observe.machine import read_zones
from edge_agent.observe.modes import MEANINGS, Mode
from edge_agent.observe.scrape import scrape_address
from edge_agent.settings import HealthSettings


def health_detail(settings: HealthSettings) -> tuple[bool, str]:
    """Whether there is something to note, and the settings and the machine in words.

    Raises:
        ConfigurationFault: INSECURE_BIND, SETTINGS_INVALID for `health.metrics`.
    """
    if settings.metrics is not None:
        scrape_address(settings.metrics)
    cards, card_temperatures = Cards().read()
    temperatures = (*read_zones(settings.thermal), *card_temperatures)
    hottest = max(temperatures, key=lambda one: one.celsius, default=None)
    hot = Heat(settings.hot_c).words(temperatures)
    words = "with" if settings.log_text else "without"
    parts = [
        f"metrics at {settings.metrics}" if settings.metrics else "metrics off",
        f"log {settings.log}, from {settings.log_level} on, {words} what people say",
        f"hottest: {hottest.name}, {hottest.celsius:.0f} °C" if hottest else "no temperature can be read",
    ]
    parts += [f"hot: {hot}"] if hot else []
    parts += [f"{card.name} uses {card.used_bytes / 1e9:.1f} of {card.total_bytes / 1e9:.1f} GB" for card in cards]
    return bool(hot), "; ".join(parts)


def mode_detail(words: str) -> tuple[str, str]:
    """The name of a mode that a snapshot names, and what it comes to, as far as this edition knows it."""
    name, _, why = words.partition(": ")
    if name not in set(Mode):
        return name, why
    meaning = MEANINGS[Mode(name)]
    return name, f"{why}; what works: {meaning.works}; what does not: {meaning.lacks}"
