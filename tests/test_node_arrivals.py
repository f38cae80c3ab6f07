"""Since when a message counts as received, when the loop was held up and when it was not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from edge_agent.node.arrivals import HELD_UP_MS, Arrivals


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


def test_after_a_hold_up_a_message_counts_from_when_the_sockets_were_empty() -> None:
    """Whoever looks first, the receiver or the loop."""
    with looking(0.0, 20.0) as arrivals:
        assert arrivals.since(900.0) == 20.0
        arrivals.look(901.0, receivers=1)
        assert arrivals.since(902.0) == 20.0
        arrivals.look(921.0, receivers=1)
        assert arrivals.since(922.0) == 20.0


def test_it_is_over_when_the_sockets_are_known_to_be_empty_again() -> None:
    with looking(0.0, 20.0, 900.0, 920.0, 940.0) as arrivals:
        assert arrivals.since(945.0) == 945.0
        assert arrivals.since(2_000.0) == 940.0


def test_it_is_not_over_while_a_receiver_is_busy() -> None:
    """Two doors: one has still something to read."""
    with looking(0.0) as arrivals:
        for at_ms in range(900, 2_000, 20):
            arrivals.look(float(at_ms), receivers=2)
        assert arrivals.since(1_990.0) == 0.0
        with arrivals.waiting():
            arrivals.look(2_000.0, receivers=2)
            arrivals.look(2_020.0, receivers=2)
            assert arrivals.since(2_021.0) == 2_021.0


def test_a_receiver_that_is_busy_in_time_was_not_held_up() -> None:
    with looking(0.0, 20.0) as arrivals:
        for at_ms in range(40, 2_000, 20):
            arrivals.look(float(at_ms), receivers=2)
        assert arrivals.since(1_990.0) == 1_990.0
