"""Since when a message counts as received, when the loop was held up and when it was not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge_agent.node.arrivals import HELD_UP_MS, SETTLING_MS, Arrivals


@contextmanager
def looking(*times_ms: float) -> Iterator[Arrivals]:
    """One receiver that waits, and a loop that looked around at these times."""
    arrivals = Arrivals()
    with arrivals.waiting():
        for at_ms in times_ms:
            arrivals.look(at_ms, receivers=1)
        yield arrivals


def test_while_the_loop_looks_around_a_message_is_received_when_it_is_found() -> None:
    assert Arrivals().since(5_000.0) == 5_000.0
    with looking(0.0, 20.0, 40.0) as arrivals:
        assert arrivals.since(40.0 + HELD_UP_MS - 1) == 40.0 + HELD_UP_MS - 1


def test_after_a_hold_up_a_message_counts_from_its_beginning() -> None:
    """Whoever looks first, the receiver or the loop; and for as long as messages may be under way."""
    with looking(0.0, 20.0) as arrivals:
        assert arrivals.since(900.0) == 20.0
        arrivals.look(901.0, receivers=1)
        assert arrivals.since(902.0) == 20.0
        arrivals.look(921.0, receivers=1)
        assert arrivals.since(922.0) == 20.0


def test_it_is_over_when_the_sockets_were_found_empty() -> None:
    with looking(0.0, 900.0) as arrivals:
        assert arrivals.since(901.0) == 0.0
        for at_ms in range(920, int(900 + SETTLING_MS) + 21, 20):
            arrivals.look(float(at_ms), receivers=1)
        assert arrivals.since(1_025.0) == 1_025.0


def test_it_is_not_over_while_a_receiver_is_busy() -> None:
    """Two doors: one has still something to read."""
    with looking(0.0) as arrivals:
        for at_ms in range(900, 2_000, 20):
            arrivals.look(float(at_ms), receivers=2)
        assert arrivals.since(1_990.0) == 0.0
        with arrivals.waiting():
            arrivals.look(2_000.0, receivers=2)
            assert arrivals.since(2_001.0) == 2_001.0


def test_a_second_hold_up_counts_from_the_first() -> None:
    with looking(0.0, 900.0, 920.0) as arrivals:
        assert arrivals.since(1_500.0) == 0.0
