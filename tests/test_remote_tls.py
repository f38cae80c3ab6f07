"""A server elsewhere over TLS: its certificate is looked at, and everything else is as without."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from engine_models import BRING
from remote_servers import PATIENCE_S, Site, answer, drip, never, serving, wait_for

from edge_agent.clock import SystemClock
from edge_agent.errors import ClientFault, Code
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.language.decision import DecideRequest
from edge_agent.language.remote import RemoteEngine
from edge_agent.language.remote_options import RemoteOptions
from edge_agent.packs.registry import load_pack

ROBOT = load_pack("robot")
GRAMMAR = SentenceGrammars(ROBOT).for_sentence(BRING)
GOOD = '[{"action":"bring","object":1,"source":2,"destination":"me"}]'
CLOCK = SystemClock()


def request(ttl_ms: float = 20_000, **changes: str) -> DecideRequest:
    return DecideRequest("robot", BRING.marked, GRAMMAR, CLOCK.now_ms() + ttl_ms, **changes)


def engine(site: Site, **changes: Any) -> RemoteEngine:
    made = RemoteEngine(RemoteOptions(site.url, prompt="bundled", **changes), (ROBOT,))
    made.start()
    return made


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine's address that nobody but itself has signed, with its key beside it."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed (apt-get install openssl)")
    folder = tmp_path_factory.mktemp("tls")
    made = [
        program,
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    named = ["-subj", "/CN=engine", "-addext", "subjectAltName=IP:127.0.0.1"]
    kept = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run([*made, *named, *kept], check=True, capture_output=True)
    return folder / "cert.pem"


@pytest.fixture
def site(certificate: Path) -> Iterator[Site]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    with serving(Site(behaviours={BRING.marked: answer(GOOD)}), tls=context) as running:
        yield running


def test_a_certificate_that_is_known_is_trusted(site: Site, certificate: Path) -> None:
    """And its connection is kept."""
    with closing(engine(site, ca_file=certificate)) as remote:
        assert remote.missing == ()
        for _ in range(3):
            assert remote.decide(request()).answer == GOOD
    assert len({asked.connection for asked in site.asked}) == 1


def test_a_certificate_that_nobody_vouches_for_is_not(site: Site) -> None:
    """Nothing is sent: neither a sentence nor the key."""
    with closing(engine(site)) as remote:
        assert "certificate verify failed" in remote.missing[0].words
    assert site.asked == []


def test_late_is_expired(site: Site, certificate: Path) -> None:
    site.behaviours[BRING.marked] = drip
    with closing(engine(site, ca_file=certificate)) as remote:
        with pytest.raises(ClientFault) as late:
            remote.decide(request(ttl_ms=300))
        assert late.value.code is Code.EXPIRED
        assert site.hung_up.wait(PATIENCE_S)


def test_a_question_can_be_withdrawn(site: Site, certificate: Path) -> None:
    site.behaviours[BRING.marked] = never
    with closing(engine(site, ca_file=certificate)) as remote, ThreadPoolExecutor(1) as worker:
        waiting = worker.submit(remote.decide, request(ticket="c-1"))
        wait_for(lambda: bool(site.questions(BRING.marked)))
        remote.withdraw("c-1")
        stopped = waiting.exception(PATIENCE_S)
    assert isinstance(stopped, ClientFault)
    assert stopped.code is Code.STOPPED
