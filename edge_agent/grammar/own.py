"""A grammar of the owner's own for a pack, from a file.

It takes the place of the grammars made for each sentence, so it cannot know what was said: resolving refuses a label
that the sentence does not have. Refuses (GRAMMAR_INVALID, naming the file) what cannot be read or may not be handed to
a native parser; the pack's self-test then decides whether it says what the pack says.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from edge_agent.errors import Code, ConfigurationFault, NodeFault
from edge_agent.grammar.limits import check_gbnf
from edge_agent.grammar.notation import TEXT_CHARS_MAX
from edge_agent.packs.base import Pack


def with_grammar(pack: Pack, path: Path | None) -> Pack:
    """The pack with the grammar of this file; unchanged without a file.

    Raises:
        ConfigurationFault: GRAMMAR_INVALID.
    """
    if path is None:
        return pack
    if path.exists() and not path.is_file():
        raise ConfigurationFault(Code.GRAMMAR_INVALID, "is no regular file", where=str(path))
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(TEXT_CHARS_MAX + 1)
        check_gbnf(text)
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationFault(Code.GRAMMAR_INVALID, f"cannot be read: {problem}", where=str(path)) from problem
    except NodeFault as problem:
        place = f"{path}: {problem.where}" if problem.where else str(path)
        raise ConfigurationFault(Code.GRAMMAR_INVALID, problem.message, where=place) from problem
    return replace(pack, grammar=text)
