"""What happens to a node that is killed, starved of disk, damaged or started twice: nothing lost, doubled or moved."""

from __future__ import annotations

import os
import random
import resource
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from node_harness import Node, Raw, fresh_node

from edge_agent.client import Executor
from edge_agent.errors import ClientFault, Code, EdgeAgentError, NodeFault
from edge_agent.messages import Accepted, Answer, Command, Hello, Outcome, Perform, Stop, Welcome
from edge_agent.observe.database import open_database, select
from edge_agent.observe.records import ActionRow, CommandRow


@pytest.fixture
def node() -> Iterator[Node]:
    yield from fresh_node()


class Hands:
    """An executor that lives through everything and counts what it is told."""

    def __init__(self, node: Node, step_s: float = 0.0) -> None:
        self.begun: Counter[str] = Counter()

        def perform(task: Perform) -> Iterator[float]:
            self.begun[task.action_id] += 1
            yield step_s

        self._executor = Executor(node.command_address, robot="robot", perform=perform)
        self._thread = threading.Thread(target=self._executor.run)
        self._thread.start()

    def close(self) -> None:
        self._executor.close()
        self._thread.join()


def ask(raw: Raw, numbers: range, *, until: Callable[[dict[str, Answer]], bool]) -> tuple[set[str], dict[str, Answer]]:
    """Send commands by number and take what comes until a condition holds."""
    texts = ("go to dock 3 then go to packing", "wait two seconds", "go to the moon")
    for number in numbers:
        raw.say(Command(request_id=f"r-{number}", text=texts[number % 3], ttl_ms=60_000))
    accepted: set[str] = set()
    answers: dict[str, Answer] = {}
    while not until(answers):
        message = raw.hear(20.0)
        assert message is not None
        if isinstance(message, Accepted):
            accepted.add(message.request_id)
        if isinstance(message, Answer):
            assert message.request_id not in answers, "one request, one answer"
            answers[message.request_id] = message
    return accepted, answers


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_loses_no_accepted_command_doubles_none_and_moves_nothing(node: Node, seed: int) -> None:
    """SIGKILL somewhere among 90 commands that an executor carries out; then the same 90 are asked again."""
    killed_after = random.Random(seed).randrange(5, 80)
    hands = Hands(node)
    try:
        node.start()
        with Raw(node.command_address) as raw:
            accepted, before = ask(raw, range(90), until=lambda answers: len(answers) >= killed_after)
            node.kill()
            while (message := raw.hear(0.2)) is not None:
                if isinstance(message, Accepted):
                    accepted.add(message.request_id)
                elif isinstance(message, Answer):
                    before[message.request_id] = message
        begun_before = Counter(hands.begun)
        node.start()
        with node.client() as client:
            node.wait_for(lambda: any(robot.present for robot in client.snapshot().robots))
            assert client.snapshot().open == (), "nothing is open after a restart"
        assert set(hands.begun) - set(begun_before) <= {a for a in hands.begun if a.startswith("a-1-")}
        with Raw(node.command_address) as raw:
            _again, after = ask(raw, range(90), until=lambda answers: len(answers) == 90)
        for request_id in accepted:
            answer = after[request_id]
            assert answer.epoch == 1, "an accepted command is never taken a second time"
            if request_id in before:
                assert answer.model_copy(update={"timings": before[request_id].timings}) == before[request_id]
            elif answer.outcome is Outcome.FAILED:
                assert answer.error is not None and answer.error.code is Code.RESTARTED
    finally:
        hands.close()
    assert set(hands.begun.values()) <= {1}, "no action is begun twice"
    assert node.stop() == 0
    connection = open_database(node.state_dir).connection
    old = [row for row in select(connection, ActionRow) if row.epoch == 1]
    commands = select(connection, CommandRow)
    connection.close()
    assert {row.state for row in old} <= {"FINISHED", "FAILED"}
    reasons = {row.reason for row in old if row.state == "FAILED"}
    assert reasons <= {"restart", "unknown_outcome"}
    assert len(commands) == 90 and all(row.answer for row in commands)


def test_a_request_replayed_a_hundred_times_across_restarts_happens_once(node: Node) -> None:
    """Five requests, each asked 100 times: 25 times in each of four lives of the node."""
    hands = Hands(node)
    told: dict[str, Answer] = {}
    try:
        for life in range(4):
            node.start()
            with Raw(node.command_address) as raw, node.client() as client:
                node.wait_for(lambda client=client: any(robot.present for robot in client.snapshot().robots))
                for _ in range(25):
                    for number in range(5):
                        raw.say(Command(request_id=f"same-{number}", text="go to dock 3", ttl_ms=60_000))
                answers = [raw.hear_a(Answer) for _ in range(5)]
                for answer in answers:
                    assert told.setdefault(answer.request_id, answer).actions == answer.actions
                node.wait_for(lambda client=client: client.snapshot().open == ())
            (node.kill if life % 2 else node.stop)()
    finally:
        hands.close()
    assert sorted(hands.begun.values()) == [1] * 5


def test_what_the_robot_had_when_the_node_was_killed_is_an_unknown_outcome(node: Node) -> None:
    """One in flight, one waiting: the first may have happened, the second did not; neither is sent again."""
    node.start()
    with Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        assert robot.hear_a(Welcome).epoch == 1
        for text in ("go to dock 3", "go to packing"):
            client.command(text, ttl_ms=60_000)
        robot.hear_a(Perform)
        node.kill()
    node.start()
    with Raw(node.command_address) as robot:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        assert robot.hear_a(Welcome).epoch == 2
        assert robot.hear(0.5) is None
    assert node.stop() == 0
    connection = open_database(node.state_dir).connection
    ends = [(row.state, row.reason) for row in select(connection, ActionRow)]
    connection.close()
    assert sorted(ends) == [("FAILED", "restart"), ("FAILED", "unknown_outcome")]


def test_world_updates_hold_across_a_kill_until_the_file_changes(node: Node) -> None:
    node.start()
    with node.client() as client:
        client.update_world(remove=["packing"], add=[{"name": "blue shelf", "kind": "place"}])
    node.kill()
    node.start()
    with node.client() as client:
        assert client.command("go to the blue shelf").outcome is Outcome.ACTIONS
        assert client.command("go to packing").outcome is Outcome.REJECT
    assert node.stop() == 0
    world = node.folder / "robot.toml"
    world.write_text(world.read_text() + '\n[[entity]]\nname = "yard"\nkind = "place"\n')
    node.start()
    with node.client() as client:
        assert client.command("go to packing").outcome is Outcome.ACTIONS
        assert client.command("go to the blue shelf").outcome is Outcome.REJECT


def set_disk_limit(node: Node, limit_bytes: int) -> None:
    """No file of the daemon may grow past this: a full disk, for it alone."""
    assert node.process is not None
    resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (limit_bytes, resource.RLIM_INFINITY))


def test_a_full_disk_refuses_commands_and_still_stops(node: Node) -> None:
    """JOURNAL_UNAVAILABLE, but STOP reaches the robot; with room again it is on the disk and commands are taken."""
    node.start()
    with Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        robot.hear_a(Welcome)
        client.command("go to dock 3", ttl_ms=60_000)
        robot.hear_a(Perform)
        set_disk_limit(node, 1)
        with pytest.raises(NodeFault) as refused:
            client.command("go to packing", request_id="while-full")
        assert refused.value.code is Code.JOURNAL_UNAVAILABLE
        assert any(what.startswith("no_journal: ") for what in client.snapshot().degraded)
        stop_id = client.halt("disk full").stop_id
        assert robot.hear_a(Stop).stop_id == stop_id
        assert client.snapshot().open == ()
        with pytest.raises(NodeFault) as held:
            client.resume(stop_id)
        assert held.value.code is Code.JOURNAL_UNAVAILABLE
        set_disk_limit(node, resource.RLIM_INFINITY)
        node.wait_for(lambda: client.snapshot().degraded == ())
    node.kill()
    node.start()
    with node.client() as client:
        assert client.snapshot().stop_id == stop_id, "what was owed is on the disk"
        client.resume(stop_id)
        assert client.command("go to packing", request_id="while-full").outcome is Outcome.ACTIONS


def test_a_journal_that_cannot_be_opened_leaves_a_node_that_stops(node: Node) -> None:
    (node.state_dir / "journal.db").mkdir(parents=True)
    node.start()
    with Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        robot.hear_a(Welcome)
        with pytest.raises(NodeFault) as refused:
            client.command("go to dock 3")
        assert refused.value.code is Code.JOURNAL_UNAVAILABLE
        client.halt()
        robot.hear_a(Stop)
    assert node.stop() == 0


def test_a_damaged_journal_is_set_aside_and_nothing_moves_until_somebody_has_looked(node: Node) -> None:
    """Quarantined under another name, a stop latched, the epoch higher than before."""
    node.start()
    with node.client() as client:
        for number in range(20):
            client.command("go to dock 3", request_id=f"d-{number}")
    assert node.stop() == 0
    path = node.state_dir / "journal.db"
    content = bytearray(path.read_bytes())
    place = content.index(b"go to dock 3")
    content[place] ^= 1
    path.write_bytes(content)
    node.start()
    with node.client() as client:
        snapshot = client.snapshot()
        assert snapshot.epoch == 2
        assert "journal.damaged-1" in "".join(snapshot.degraded)
        with pytest.raises(EdgeAgentError) as refused:
            client.command("go to dock 3", request_id="d-1")
        assert refused.value.code is Code.STOPPED
        assert "journal.damaged-1" in refused.value.message
        assert snapshot.stop_id is not None
        client.resume(snapshot.stop_id)
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS
    assert (node.state_dir / "journal.damaged-1").read_bytes() == bytes(content)
    assert "JOURNAL_DAMAGED" in node.log()


def test_a_second_daemon_on_the_same_directories_is_refused(node: Node) -> None:
    """On the state directory, and with another one on the same sockets; the first goes on."""
    node.start()
    first, log = node.process, node.log
    assert node.begin().wait(40) == 3
    assert "ALREADY_RUNNING" in node.log()
    node.settings["state_dir"] = str(node.folder / "other-state")
    assert node.begin().wait(40) == 3
    assert "ALREADY_RUNNING" in node.log()
    node.process = first
    with node.client() as client:
        assert client.command("go to dock 3").outcome is Outcome.ACTIONS
    assert log


@pytest.mark.parametrize(
    ("transport", "code"),
    [
        pytest.param({"command": "tcp://0.0.0.0:45671"}, "INSECURE_BIND", id="every interface"),
        pytest.param({"command": "tcp://127.0.0.1:45671"}, "INSECURE_BIND", id="loopback"),
        pytest.param({"events": "tcp://192.168.0.1:45671"}, "INSECURE_BIND", id="events"),
        pytest.param({"events": "udp://127.0.0.1:45671"}, "SETTINGS_INVALID", id="no such transport"),
        pytest.param({"command": "ipc://relative.sock"}, "SETTINGS_INVALID", id="a relative path"),
        pytest.param({"command": "ipc:///tmp/" + "x" * 120}, "SETTINGS_INVALID", id="a path too long for a socket"),
    ],
)
def test_an_address_without_keys_is_bound_only_where_it_is_safe(
    node: Node, transport: dict[str, object], code: str
) -> None:
    node.settings["transport"] = transport
    assert node.begin().wait(40) == 3
    assert code in node.log()


def test_the_sockets_belong_to_this_user_and_group(node: Node) -> None:
    node.start()
    run = node.folder / "run"
    assert oct(run.stat().st_mode)[-3:] == "700"
    for name in ("command.sock", "events.sock"):
        assert oct((run / name).stat().st_mode)[-3:] == "660"


def engine_pids(node: Node) -> list[int]:
    """The daemon's children that run the engine."""
    assert node.process is not None
    pids = []
    for task in Path(f"/proc/{node.process.pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
                pids.append(int(child))
    return pids


def test_a_killed_engine_loses_nothing_and_the_node_answers_on(node: Node) -> None:
    """The real engine and the bundled model: SIGKILL while commands are worked on; each is answered, and later ones."""
    node.start("--model")
    with Raw(node.command_address) as raw:
        for number in range(60):
            raw.say(Command(request_id=f"e-{number}", text="go to dock 3", ttl_ms=60_000))
        raw.hear_a(Answer)
        (engine,) = engine_pids(node)
        os.kill(engine, signal.SIGKILL)
        answers = [raw.hear_a(Answer, 60.0) for _ in range(59)]
    failures = {answer.error.code for answer in answers if answer.error is not None}
    assert failures <= {Code.ENGINE_CRASHED, Code.ENGINE_UNAVAILABLE}
    with node.client() as client:
        node.wait_for(lambda: client.snapshot().engine_ready)
        assert client.command("go to dock 3", ttl_ms=60_000).outcome is not Outcome.FAILED
    assert engine_pids(node) != [engine]


def test_a_hanging_engine_is_expired_then_replaced(node: Node) -> None:
    """SIGSTOP: the command is answered when its time is over, the engine is killed, and another one answers."""
    node.start("--model")
    (engine,) = engine_pids(node)
    os.kill(engine, signal.SIGSTOP)
    with node.client() as client:
        assert client.command("go to dock 3", ttl_ms=300).outcome is Outcome.EXPIRED
        assert client.command("go to dock 3", ttl_ms=60_000).outcome in (Outcome.ACTIONS, Outcome.REJECT)
    assert engine not in engine_pids(node)


def test_the_engine_dies_with_the_node(node: Node) -> None:
    node.start("--model")
    (engine,) = engine_pids(node)
    node.kill()
    node.process = None

    def gone() -> bool:
        try:
            return "Z" in Path(f"/proc/{engine}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True

    node.wait_for(gone)


def test_a_stop_passes_a_busy_real_engine(node: Node) -> None:
    """Sixty commands queued at the engine: the stop reaches the robot, and every one of them has its answer."""
    node.start("--model")
    with Raw(node.command_address) as raw, Raw(node.command_address) as robot, node.client() as client:
        robot.say(Hello(robot="robot", removes_duplicates=True))
        robot.hear_a(Welcome)
        for number in range(60):
            raw.say(Command(request_id=f"b-{number}", text="go to dock 3", ttl_ms=60_000))
        raw.hear_a(Accepted)
        stop_id = client.halt().stop_id
        assert robot.hear_a(Stop).stop_id == stop_id
        with pytest.raises((ClientFault, NodeFault)) as refused:
            client.command("go to dock 3")
        assert refused.value.code is Code.STOPPED
        assert client.snapshot().open == ()
