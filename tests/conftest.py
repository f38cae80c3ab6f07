"""For every test: hypothesis takes the same examples each time, and no longer on a busy machine than on an idle one."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("same-everywhere", deadline=None, derandomize=True)
settings.load_profile("same-everywhere")
