"""Key files: what is written, what is read, and what is refused however it came to lie there."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import limits
from edge_agent.clock import ManualClock
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.keys.client_key import (
    LINE_PREFIX,
    ClientKey,
    from_line,
    parse_client_key,
    read_client_key,
    to_line,
    to_text,
    write_client_key,
)
from edge_agent.keys.curve import KeyPair, check_public, new_pair
from edge_agent.keys.grants import Grant, Verb
from edge_agent.keys.node_key import NODE_KEY, read_node_key, write_node_key
from edge_agent.keys.rates import Rates
from edge_agent.keys.ring import CLIENTS, Ring, parse_grants, read_grants, write_grants

MANUALS = KeyPair("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the node's key."""
    write_node_key(tmp_path, new_pair())
    return tmp_path


def refused(path: Path, code: Code) -> ConfigurationFault:
    """What reading the node's key in a folder is refused with."""
    with pytest.raises(ConfigurationFault) as fault:
        read_node_key(path)
    assert fault.value.code is code
    return fault.value


def grant(name: str = "porter", **rights: object) -> Grant:
    return Grant.model_validate({"name": name, "public": new_pair().public, **rights})


def test_a_secret_is_closed_from_its_first_moment_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_node_key(tmp_path / "keys", new_pair())
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys" / NODE_KEY).stat().st_mode) == 0o600


def test_a_key_is_never_written_over(folder: Path) -> None:
    before = (folder / NODE_KEY).read_text()
    with pytest.raises(ConfigurationFault, match="is there already"):
        write_node_key(folder, new_pair())
    assert (folder / NODE_KEY).read_text() == before


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o666])
def test_a_secret_that_others_can_get_at_is_refused(folder: Path, mode: int) -> None:
    (folder / NODE_KEY).chmod(mode)
    assert "chmod 600" in refused(folder, Code.KEY_INVALID).message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_secret_of_somebody_elses_is_refused(folder: Path) -> None:
    os.chown(folder / NODE_KEY, 12_345, 12_345)
    assert "another user" in refused(folder, Code.KEY_INVALID).message


def test_a_secret_behind_a_link_a_pipe_or_a_folder_is_refused(folder: Path) -> None:
    path = folder / NODE_KEY
    elsewhere = path.rename(folder / "elsewhere")
    refused(folder, Code.KEY_MISSING)
    path.symlink_to(elsewhere)
    refused(folder, Code.KEY_INVALID)
    path.unlink()
    os.mkfifo(path, 0o600)
    assert "plain file" in refused(folder, Code.KEY_INVALID).message
    path.unlink()
    path.mkdir()
    refused(folder, Code.KEY_INVALID)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("public = 1\nsecret = 2\n", id="numbers"),
        pytest.param('public = "short"\nsecret = "short"\n', id="short"),
        pytest.param(f'public = "{MANUALS.public}"\nsecret = "{MANUALS.secret}"\n', id="libzmq's test keys"),
        pytest.param(f'public = "{new_pair().public}"\nsecret = "{new_pair().secret}"\n', id="of two pairs"),
        pytest.param(f'public = "{"0" * 40}"\nsecret = "{"0" * 40}"\n', id="all zeros"),
        pytest.param("secret = 'halfway", id="not TOML"),
        pytest.param("x" * (limits.KEY_FILE_BYTES_MAX + 1), id="too large"),
    ],
)
def test_what_is_no_key_of_ones_own_is_refused(folder: Path, text: str) -> None:
    (folder / NODE_KEY).write_text(text)
    assert refused(folder, Code.KEY_INVALID).where.endswith(NODE_KEY)


def test_no_refusal_shows_a_secret(folder: Path) -> None:
    pair = new_pair()
    for text in (f'secret = "{pair.secret}', f'public = "{new_pair().public}"\nsecret = "{pair.secret}"\n'):
        (folder / NODE_KEY).write_text(text)
        assert pair.secret not in str(refused(folder, Code.KEY_INVALID))
    assert pair.secret not in repr(pair)


def test_systemds_credential_wins(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd gives a service its credentials read-only and readable, in a folder that only the service can enter."""
    pair = new_pair()
    credentials = tmp_path / "credentials"
    write_node_key(credentials, pair)
    (credentials / NODE_KEY).chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    assert read_node_key(folder) == pair


def test_a_clients_key_survives_its_file_and_its_line(tmp_path: Path) -> None:
    key = ClientKey("porter", new_pair(), new_pair().public, "tcp://10.0.0.5:7710", "tcp://10.0.0.5:7711")
    write_client_key(tmp_path / "porter.key", key)
    assert read_client_key(tmp_path / "porter.key") == key
    assert from_line(to_line(key)) == key
    assert from_line(f"paste this there:\n  edge-agent keys import {to_line(key)}\n\n") == key
    assert from_line(to_text(key)) == key


@pytest.mark.parametrize("cut", [1, 7, 40, 300])
def test_a_line_with_a_part_missing_is_refused(cut: int) -> None:
    key = ClientKey("porter", new_pair(), new_pair().public, "tcp://10.0.0.5:7710", "tcp://10.0.0.5:7711")
    with pytest.raises(ConfigurationFault) as fault:
        from_line(to_line(key)[:-cut])
    assert fault.value.code is Code.KEY_INVALID


@given(st.text() | st.binary().map(lambda raw: LINE_PREFIX + raw.hex()))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        from_line(text)
    assert fault.value.code is Code.KEY_INVALID
    with pytest.raises(ConfigurationFault):
        parse_client_key(text, where="text")


def test_a_new_key_may_only_watch() -> None:
    fresh = grant()
    assert fresh.verbs == {Verb.WATCH} and fresh.robots == ()
    assert not fresh.may_confirm and not fresh.may_resume and not fresh.covers("robot")


def test_rights_survive_the_file(tmp_path: Path) -> None:
    grants = (
        grant("porter", verbs=["watch", "perform"], robots=["porter"]),
        grant("desk", verbs=["command"], robots=["*"], rate_per_s=2.5, may_confirm=True, may_resume=True),
        grant("guest", until="2027-01-31T12:00:00Z"),
        grant("gone", revoked="2026-01-31T12:00:00Z"),
    )
    write_grants(tmp_path, grants)
    assert read_grants(tmp_path) == grants


@pytest.mark.parametrize(
    ("text", "place"),
    [
        pytest.param("[client]\n", "clients.toml", id="no list"),
        pytest.param("other = 1\n", "clients.toml", id="something else"),
        pytest.param('[[client]]\nname = "a"\n', "client 1: public", id="no key"),
        pytest.param(f'[[client]]\nname = "local"\npublic = "{new_pair().public}"\n', "client 1: name", id="local"),
        pytest.param(f'[[client]]\nname = "a b"\npublic = "{new_pair().public}"\n', "client 1: name", id="name"),
        pytest.param(f'[[client]]\nname = "a"\npublic = "{MANUALS.public}"\n', "client 1: public", id="test key"),
        pytest.param(
            f'[[client]]\nname = "a"\npublic = "{new_pair().public}"\nverbs = ["fly"]\n', "client 1: verbs.0", id="verb"
        ),
        pytest.param(
            f'[[client]]\nname = "a"\npublic = "{new_pair().public}"\nmay_fly = true\n', "client 1: may_fly", id="field"
        ),
        pytest.param(
            f'[[client]]\nname = "a"\npublic = "{new_pair().public}"\nrate_per_s = 0\n',
            "client 1: rate_per_s",
            id="rate",
        ),
        pytest.param(
            f'[[client]]\nname = "a"\npublic = "{new_pair().public}"\nuntil = 2027-01-01T00:00:00\n',
            "client 1: ",
            id="no zone",
        ),
    ],
)
def test_a_mistake_in_the_list_is_named_by_its_place(text: str, place: str) -> None:
    with pytest.raises(ConfigurationFault) as fault:
        parse_grants(text, where="clients.toml")
    assert fault.value.code is Code.KEY_INVALID
    assert place in fault.value.where


def test_one_key_stands_once() -> None:
    table = f'[[client]]\nname = "NAME"\npublic = "{new_pair().public}"\n'
    with pytest.raises(ConfigurationFault, match="twice"):
        parse_grants(table.replace("NAME", "a") + table.replace("NAME", "b"), where="clients.toml")


def test_the_ring_follows_its_file(tmp_path: Path) -> None:
    """Added, revoked, loosened, repaired, removed: the next look sees it."""
    ring = Ring(tmp_path, ManualClock().wall_ms)
    one = grant()
    assert ring.find(one.public) is None and not ring.refresh()
    write_grants(tmp_path, (one,))
    assert ring.refresh() and ring.find(one.public) == one and ring.known() == {one.public}
    (tmp_path / CLIENTS).chmod(0o666)
    assert ring.refresh() and "chmod 644" in ring.trouble
    assert ring.find(one.public) == one, "the last good reading holds"
    (tmp_path / CLIENTS).chmod(0o644)
    assert ring.refresh() and ring.trouble == ""
    write_grants(tmp_path, (one.model_copy(update={"revoked": datetime.now(UTC).replace(microsecond=0)}),))
    assert ring.refresh() and ring.find(one.public) is None
    write_grants(tmp_path, (one,))
    assert ring.refresh() and ring.find(one.public) is not None
    (tmp_path / CLIENTS).unlink()
    assert ring.refresh() and ring.known() == frozenset()


def test_a_key_runs_out_by_itself(tmp_path: Path) -> None:
    clock = ManualClock()
    end = datetime.fromtimestamp(clock.unix_ms / 1000, UTC) + timedelta(seconds=10)
    one = grant(until=end)
    write_grants(tmp_path, (one,))
    ring = Ring(tmp_path, clock.wall_ms)
    assert ring.find(one.public) is not None
    clock.advance(10_000)
    assert ring.find(one.public) is None and ring.known() == frozenset()


@given(rate=st.floats(0.5, 1_000), steps=st.lists(st.floats(0, 3_000), max_size=200))
def test_nobody_gets_more_than_a_rate_and_its_burst(rate: float, steps: list[float]) -> None:
    """Whenever asked, what was allowed in all is at most the burst and the rate times the time."""
    clock = ManualClock()
    rates = Rates(rate, clock)
    allowed = 0
    began = clock.now_ms()
    for step in steps:
        clock.advance(step)
        allowed += rates.take("one")
        most = max(1.0, rate * limits.BURST_S) + (clock.now_ms() - began) / 1000 * rate
        assert allowed <= most + 1e-6


def test_rates_of_two_names_are_two() -> None:
    rates = Rates(0.5, ManualClock())
    assert rates.take("one") and not rates.take("one") and rates.take("two")


def test_every_new_pair_is_a_good_one() -> None:
    pairs = [new_pair() for _ in range(20)]
    assert len({pair.public for pair in pairs}) == 20
    assert all(check_public(pair.public, where="") == pair.public for pair in pairs)
