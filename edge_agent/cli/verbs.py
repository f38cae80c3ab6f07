"""The table of verbs: what can be typed after `edge-agent`, and which file answers it.

A verb's file is imported only when it is typed: `halt` must not wait for the libraries that `eval` needs.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.screen import Screen


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: its name, the file that answers it and the line that `--help` shows."""

    name: str
    module: str
    summary: str


class VerbModule(Protocol):
    """What a verb's file offers."""

    EXAMPLE: str
    """One or more command lines that work, for `--help`."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare what the verb takes."""

    def run(self, options: argparse.Namespace, screen: Screen) -> Exit:
        """Do it. Raises EdgeAgentError; main writes it and picks the exit code."""


VERBS: tuple[Verb, ...] = (
    Verb("run", "run", "the daemon: hear commands, answer with checked actions"),
    Verb("say", "say", "send a command in plain words, typed, recorded or spoken, and show what became of it"),
    Verb("halt", "halt", "stop every robot now; holds until resumed"),
    Verb("resume", "resume", "release a latched stop, by its id"),
    Verb("confirm", "confirm", "say yes to one exact action that waits for it"),
    Verb("button", "button", "say yes, at a press, to the one action that waits for it"),
    Verb("watch", "watch", "follow what the node does, and notice when it is gone"),
    Verb("keys", "keys", "let clients in over TCP: make, list, revoke and rotate their keys"),
    Verb("world", "world", "add, change or remove entities of the running node"),
    Verb("transcribe", "transcribe", "show what is heard in a recording, without a daemon"),
    Verb("microphones", "microphones", "list this box's microphones, or see whether one hears anything"),
    Verb("interpret", "interpret", "read one sentence without a daemon"),
    Verb("eval", "eval", "score files of examples"),
    Verb("train", "train", "teach the bundled model a pack of your own"),
    Verb("schema", "schema", "the messages' and actions' JSON Schemas, or the AsyncAPI file"),
    Verb("grammar", "grammar", "the GBNF grammar of a pack, or of one sentence"),
    Verb("models", "models", "list the models at hand, fetch others, or check their bytes"),
    Verb("plan", "plan", "what a model needs of a device: memory, layers on the card, milliseconds"),
    Verb("bench", "bench", "measure one model in several ways, and a node from socket to socket"),
    Verb("doctor", "doctor", "look over this machine, the engine and the node"),
    Verb("replay", "replay", "tell a command's story from the journal, check it, read it again, export it"),
    Verb("install", "install", "make the node a system service, shut in as far as this machine lets it"),
    Verb("uninstall", "uninstall", "take away what install wrote, and nothing else"),
    Verb("demo", "demo", "start a node, send it commands of three packs, then leave a prompt"),
)


def load(verb: Verb) -> VerbModule:
    """The file that answers a verb."""
    return cast(VerbModule, import_module(f"edge_agent.cli.{verb.module}"))
