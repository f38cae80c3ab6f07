"""edge_agent: plain words in, checked JSON actions out, on the machine's own box."""

__version__ = "0.1.0"
