"""docs/policy.md: its tables are what the packs say, its settings can be loaded, its limits are the program's."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

from edge_agent import limits
from edge_agent.packs.registry import load_pack
from edge_agent.safety.policy import TIERS
from edge_agent.safety.reading import policy_of, waiting_rules
from edge_agent.safety.site_rules import Situation
from edge_agent.settings.policy import PolicySettings
from edge_agent.world.loading import load_world

PAGE = (Path(__file__).parent.parent / "docs" / "policy.md").read_text(encoding="utf-8")
PACKS = {name: load_pack(name) for name in ("robot", "home", "kiosk")}
WORLDS = {name: load_world(pack.example_world) for name, pack in PACKS.items() if pack.example_world is not None}


def test_every_action_stands_in_the_table_with_its_hazard() -> None:
    """None is missing, none is invented."""
    written = {
        (pack, action, hazard)
        for pack, hazard, actions in re.findall(r"^\| (robot|home|kiosk) \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
        for action in re.findall(r"`(\w+)`", actions)
    }
    assert written == {(name, spec.name, spec.hazard) for name, pack in PACKS.items() for spec in pack.actions}


def test_what_values_make_of_an_action_is_as_shown() -> None:
    """In the home pack's example world."""
    shown = re.findall(r"^\| `(\{.+?\})`[^|]* \| (\w+) \|$", PAGE, re.MULTILINE)
    assert len(shown) == 6
    surroundings = Situation(WORLDS["home"], "robot").surroundings()
    for text, hazard in shown:
        action = json.loads(text)
        spec = PACKS["home"].action(action["action"])
        assert spec is not None and PACKS["home"].hazard_of is not None
        assert PACKS["home"].hazard_of(action, spec.hazard, surroundings) == hazard


def test_the_settings_of_the_page_are_settings() -> None:
    """With the packs' example worlds; the one rule that waits is the one that says so."""
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    settings = PolicySettings.model_validate(tomllib.loads(block)["policy"])
    rules = policy_of(settings, PACKS, WORLDS).rules
    assert (len(rules.limits), len(rules.bans), len(rules.no_go)) == (4, 1, 3)
    assert len(list(waiting_rules(rules, "porter", WORLDS))) == 1
    assert not list(waiting_rules(replace(rules, no_go=rules.no_go[:1]), "porter", WORLDS))


def test_numbers_of_the_page_are_the_programs() -> None:
    assert f"less than {limits.PRESS_UNREAD_MS} ms ago" in PAGE
    defaults = PolicySettings()
    assert f"(`confirm_ttl_ms` ({defaults.confirm_ttl_ms // 1000} s)".lstrip("(") in PAGE
    assert f"`confirm` is `{json.dumps(list(defaults.confirm))}`" in PAGE
    assert set(re.findall(r"^\| (\d) \| ", PAGE, re.MULTILINE)) == {str(tier) for tier in TIERS.values()}
