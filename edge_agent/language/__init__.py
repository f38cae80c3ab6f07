"""Models: what they read, how they are decoded, and the process they run in."""
