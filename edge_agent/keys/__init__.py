"""Who may speak to a node over a network: CURVE keys, the files they lie in, and what each key may do."""
