"""Models that do not ship: which there are, how they are fetched, and what was pinned of them on this machine."""
