"""Child processes for native code: how one is started, spoken to, watched and ended. Knows nothing of what they do."""
