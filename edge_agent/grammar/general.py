"""A pack's general grammar: everything it can ever answer, for people to read and other engines to load.

The node itself never decodes with it: a sentence's own grammar offers only what was said. `grammars/` holds the shipped
packs' files, checked for drift.
"""

from __future__ import annotations

from edge_agent.grammar.gbnf import to_gbnf
from edge_agent.grammar.schema import general_schema
from edge_agent.packs.base import Pack


def general_gbnf(pack: Pack) -> str:
    """The grammar's text, with a few lines on top that say what it is."""
    return (
        f"# Every answer of the pack {pack.name}, generated from its actions: edge-agent grammar --write grammars\n"
        "# 1 to 20 are the sentence's entities in order, a to j its quantities; a sentence's own grammar offers only\n"
        "# those that were said and fit, and only the sentence's own words as text.\n"
        f"{to_gbnf(general_schema(pack))}"
    )
