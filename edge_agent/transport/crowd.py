"""How many connections the process can still bear. Reads and sets this process's own limit of descriptors.

libzmq 4.3.5 aborts the process when it accepts at an ipc address and there is no descriptor left (ipc_listener.cpp), so
that must never happen: the limit is raised to what the system allows, and long before it a door is emptied.
"""

from __future__ import annotations

import os
import resource

from edge_agent import limits


def raise_descriptor_limit() -> None:
    """As many descriptors as the system allows this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def is_crowded() -> bool:
    """Whether there are more connections than there should be."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = limits.DESCRIPTORS_MAX
    if soft != resource.RLIM_INFINITY:
        most = min(most, soft // 2)
    return _descriptors_used() >= most


def _descriptors_used() -> int:
    """The lowest free one's number: at least so many are in use, and asking takes two calls however many those are."""
    probe = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.close(probe)
    return probe
