"""`grammar`: the GBNF text that a model answers under: a pack's general form, or the one of a sentence."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.local import engine_of, world_of
from edge_agent.cli.screen import Screen
from edge_agent.errors import ClientFault, Code
from edge_agent.grammar.general import general_gbnf
from edge_agent.grammar.own import with_grammar
from edge_agent.grammar.selftest import self_test
from edge_agent.grammar.sentence import SentenceGrammars
from edge_agent.packs.registry import SHIPPED, load_pack
from edge_agent.settings import ModelSettings
from edge_agent.world.linker import Linker
from edge_agent.world.text import check_text

EXAMPLE = """\
edge-agent grammar --pack robot
edge-agent grammar --pack robot "bring the red box from dock 3 to me"
edge-agent grammar --check my.gbnf"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `grammar` takes."""
    parser.add_argument("text", nargs="?", metavar="TEXT", help="a sentence; without one, the pack's general form")
    parser.add_argument("--pack", default="robot", metavar="NAME|FILE", help="robot, home, kiosk or a pack file")
    parser.add_argument("--world", type=Path, metavar="FILE", help="TOML (default: the pack's example world)")
    parser.add_argument("--check", type=Path, metavar="FILE", help="put your own GBNF file to the pack's self-test")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the shipped packs' general forms there")


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Write the grammar; nothing else goes to stdout."""
    if options.check is not None:
        _check(options, screen)
    elif options.write is not None:
        _write(options.write)
    else:
        screen.raw(_grammar(options))
    return Exit.OK


def _check(options: argparse.Namespace, screen: Screen) -> None:
    """Put the file to the pack's self-test, in both readers of grammars."""
    pack = with_grammar(load_pack(options.pack), options.check)
    self_test(pack, world_of(pack, options.world))
    with engine_of(ModelSettings(), (pack,)) as engine:
        tried = engine.facts["grammar_trials"]
    screen.line(("sound", "green"), f"  {options.check}  {tried} answers tried with llama.cpp and llguidance")
    screen.record({"file": str(options.check), "pack": pack.name, "sound": True, "answers_tried": tried})


def _grammar(options: argparse.Namespace) -> str:
    pack = load_pack(options.pack)
    if options.text is None:
        return general_gbnf(pack)
    check_text(options.text)
    return SentenceGrammars(pack).for_sentence(Linker(world_of(pack, options.world)).link(options.text))


def _write(folder: Path) -> None:
    try:
        for name in SHIPPED:
            (folder / f"{name}.gbnf").write_text(general_gbnf(load_pack(name)), encoding="utf-8")
    except OSError as problem:
        raise ClientFault(Code.GRAMMAR_INVALID, f"cannot be written: {problem}", where=str(folder)) from problem
