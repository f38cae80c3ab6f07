"""The node as a system service: which files that takes, putting them in place, and taking away exactly those again."""
