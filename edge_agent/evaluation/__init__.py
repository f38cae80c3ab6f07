"""Measuring the node on files of examples: reading them, predicting, scoring, reporting."""
