"""`keys`: who may speak to the node over TCP, and with what rights. Works on files; a running node reads them again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from edge_agent import limits
from edge_agent.cli.connection import add_settings_arguments, read_settings
from edge_agent.cli.exit_codes import Exit
from edge_agent.cli.keys_shown import show_grant, show_joining, show_line, show_table
from edge_agent.cli.screen import Screen
from edge_agent.client.whereabouts import KEY_VARIABLE
from edge_agent.errors import Code, ConfigurationFault
from edge_agent.keys.client_key import ClientKey, from_line, write_client_key
from edge_agent.keys.curve import KeyPair, check_public, new_pair
from edge_agent.keys.files import read_guarded
from edge_agent.keys.grants import EVERY_ROBOT, Grant, Verb, now
from edge_agent.keys.node_key import NODE_PUBLIC, write_node_key
from edge_agent.keys.ring import CLIENTS, build_grant, read_grants, write_grants
from edge_agent.settings import Settings

EXAMPLE = """\
edge-agent keys init
edge-agent keys add porter --allow watch,perform --robots porter --host 192.168.1.20
edge-agent keys import edge-agent-key:…          # on the robot
edge-agent keys revoke porter"""

COMMAND_PORT: Final = 7710
EVENTS_PORT: Final = 7711
"""Where the node listens, as far as nobody has said."""
HOURS_MAX: Final = 100 * 366 * 24
"""A hundred years."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `keys` takes: a word, then that word's own options."""
    words = parser.add_subparsers(title="what to do", metavar="WORD", dest="what", required=True)
    words.add_parser("init", help="make the node's own key")
    add = words.add_parser("add", help="let a client in; a new key may only watch")
    add.add_argument("name", help="whose key it is; stands in the journal")
    _add_rights(add)
    add.add_argument(
        "--public", metavar="KEY", help="a public key made there (`keys join`); a pair is made here without"
    )
    _add_outgoing(add)
    words.add_parser("list", help="show every key and its rights")
    revoke = words.add_parser("revoke", help="end a client's keys, at once and for good")
    revoke.add_argument("name")
    rotate = words.add_parser("rotate", help="a new key with the same rights; of the node itself without a name")
    rotate.add_argument("name", nargs="?")
    rotate.add_argument(
        "--overlap-hours", type=float, default=0.0, metavar="H", help="how long the old one stays good (default: 0)"
    )
    _add_outgoing(rotate)
    join = words.add_parser("join", help="on a client: make its key there, so that no secret travels")
    join.add_argument("name")
    join.add_argument(
        "--node", required=True, metavar="KEY", help="the node's public key (`keys init` and `keys list` show it)"
    )
    join.add_argument("--host", required=True, metavar="HOST", help="the node's address")
    join.add_argument("--out", type=Path, metavar="FILE", help="where to keep it")
    fetch = words.add_parser("import", help="on a client: keep a key that `keys add` showed")
    fetch.add_argument("line", help="the line, or - to read it from stdin")
    fetch.add_argument("--out", type=Path, metavar="FILE", help="where to keep it")
    for word in words.choices.values():
        add_settings_arguments(word)
        word.add_argument("--json", action="store_true", help="one JSON object a line on stdout")


def _add_rights(parser: argparse.ArgumentParser) -> None:
    verbs = ", ".join(Verb)
    parser.add_argument(
        "--allow", default="watch", metavar="VERBS", help=f"any of {verbs}, with commas (default: watch)"
    )
    parser.add_argument(
        "--robots", default="", metavar="NAMES", help=f"robots it has to do with, with commas; {EVERY_ROBOT} for all"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=limits.RATE_PER_S_DEFAULT,
        metavar="N",
        help="commands a second (default: %(default)g)",
    )
    parser.add_argument("--confirm", action="store_true", help="it may say yes to what waits for a yes")
    parser.add_argument("--resume", action="store_true", help="it may release a stop")
    parser.add_argument("--days", type=float, metavar="N", help="the key is good for so long (default: until revoked)")


def _add_outgoing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host", metavar="HOST", help="how the client reaches this node (default: the address in the settings)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="write the client's key file instead of showing the line"
    )


def run(options: argparse.Namespace, screen: Screen) -> Exit:
    """Do one of them."""
    words: dict[str, Callable[[argparse.Namespace, Screen], None]] = {
        "init": _init,
        "add": _add,
        "list": _list,
        "revoke": _revoke,
        "rotate": _rotate,
        "join": _join,
        "import": _import,
    }
    words[options.what](options, screen)
    return Exit.OK


def _init(options: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings(options)
    folder = settings.transport.keys
    pair = new_pair()
    write_node_key(folder, pair)
    show_joining(screen, folder, pair.public, _addresses(settings, "HOST"), settings.transport.tcp_command is not None)


def _add(options: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings(options)
    folder = settings.transport.keys
    node_public = _node_public(folder)
    grants = read_grants(folder)
    if any(grant.name == options.name and grant.revoked is None for grant in grants):
        raise ConfigurationFault(
            Code.KEY_INVALID, f"{options.name} has a key; rotate or revoke it", where=str(folder / CLIENTS)
        )
    pair = None if options.public else new_pair()
    public = pair.public if pair is not None else check_public(options.public, where="--public")
    grant = _grant_of(options, public)
    # the address is looked at before anything is written
    key = _client_key(options, settings, options.name, pair, node_public) if pair is not None else None
    write_grants(folder, (*grants, grant))
    show_grant(screen, grant)
    if key is not None:
        _hand_out(options, screen, key)


def _list(options: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings(options)
    folder = settings.transport.keys
    show_table(screen, read_grants(folder))
    show_joining(
        screen, folder, _node_public(folder), _addresses(settings, "HOST"), settings.transport.tcp_command is not None
    )


def _revoke(options: argparse.Namespace, screen: Screen) -> None:
    folder = read_settings(options).transport.keys
    grants = read_grants(folder)
    _known(grants, options.name, folder)
    ended = tuple(
        grant.model_copy(update={"revoked": now()}) if grant.name == options.name and grant.revoked is None else grant
        for grant in grants
    )
    write_grants(folder, ended)
    for grant in ended:
        if grant.name == options.name:
            show_grant(screen, grant)


def _rotate(options: argparse.Namespace, screen: Screen) -> None:
    settings = read_settings(options)
    folder = settings.transport.keys
    if options.name is None:
        _node_public(folder)
        pair = new_pair()
        write_node_key(folder, pair, anew=True)
        screen.line(("every client has to learn the new key, and the node to be restarted", "yellow"))
        show_joining(
            screen, folder, pair.public, _addresses(settings, "HOST"), settings.transport.tcp_command is not None
        )
        return
    grants = read_grants(folder)
    current = _known(grants, options.name, folder)
    pair = new_pair()
    key = _client_key(options, settings, options.name, pair, _node_public(folder))
    overlap = options.overlap_hours
    end = {"until": _end(overlap, "--overlap-hours")} if overlap else {"revoked": now()}
    kept = tuple(
        grant.model_copy(update=end) if grant.name == options.name and grant.revoked is None else grant
        for grant in grants
    )
    fresh = current.model_copy(update={"public": pair.public})
    write_grants(folder, (*kept, fresh))
    show_grant(screen, fresh)
    _hand_out(options, screen, key)


def _join(options: argparse.Namespace, screen: Screen) -> None:
    pair = new_pair()
    command, events = (f"tcp://{options.host}:{port}" for port in (COMMAND_PORT, EVENTS_PORT))
    key = ClientKey(options.name, pair, check_public(options.node, where="--node"), command, events)
    path = _keep(options.out, key)
    screen.line(f"kept in {path}; on the node, with the rights it shall have:")
    screen.line((f"edge-agent keys add {options.name} --public='{pair.public}' --allow watch", "bold"))
    screen.record({"name": options.name, "public": pair.public, "file": str(path)})


def _import(options: argparse.Namespace, screen: Screen) -> None:
    line = sys.stdin.read(limits.KEY_FILE_BYTES_MAX) if options.line == "-" else options.line
    key = from_line(line)
    path = _keep(options.out, key)
    screen.line(f"kept in {path}; programs use it with --key {path} or {KEY_VARIABLE}={path}")
    screen.record({"name": key.name, "public": key.pair.public, "file": str(path)})


def _hand_out(options: argparse.Namespace, screen: Screen, key: ClientKey) -> None:
    if options.out is not None:
        write_client_key(options.out, key)
        screen.line(f"its key is in {options.out}; copy it there, then remove it here")
    else:
        show_line(screen, key)


def _keep(out: Path | None, key: ClientKey) -> Path:
    path = out or Path("~/.config/edge-agent").expanduser() / f"{key.name}.key"
    write_client_key(path, key)
    return path


def _grant_of(options: argparse.Namespace, public: str) -> Grant:
    """The rights as the options say, checked as the file's are."""
    verbs = [verb for verb in options.allow.split(",") if verb]
    robots = [robot.strip() for robot in options.robots.split(",") if robot.strip()]
    unknown = sorted(set(verbs) - set(Verb))
    if unknown:
        raise ConfigurationFault(Code.KEY_INVALID, f"{unknown[0]} is none of {', '.join(Verb)}", where="--allow")
    if {Verb.COMMAND, Verb.PERFORM} & set(verbs) and not robots:
        raise ConfigurationFault(
            Code.KEY_INVALID, f"which robots? name them with --robots, or {EVERY_ROBOT} for all", where="--robots"
        )
    table = {
        "name": options.name,
        "public": public,
        "verbs": verbs,
        "robots": robots,
        "rate_per_s": options.rate,
        "may_confirm": options.confirm,
        "may_resume": options.resume,
        "until": _end(24 * options.days, "--days") if options.days is not None else None,
    }
    return build_grant(table, options.name)


def _end(hours: float, where: str) -> datetime:
    """So many hours from now."""
    if not 0 < hours <= HOURS_MAX:
        raise ConfigurationFault(Code.KEY_INVALID, f"more than nothing and at most {HOURS_MAX} hours", where=where)
    return now() + timedelta(hours=hours)


def _client_key(
    options: argparse.Namespace, settings: Settings, name: str, pair: KeyPair, node_public: str
) -> ClientKey:
    command, events = _addresses(settings, options.host)
    return ClientKey(name, pair, node_public, command, events)


def _addresses(settings: Settings, host: str | None) -> tuple[str, str]:
    """Where clients find the node: the addresses of the settings, with `host` for "every interface" there.

    Raises:
        ConfigurationFault: SETTINGS_INVALID when only the client could know the host.
    """
    bound = (
        settings.transport.tcp_command or f"tcp://*:{COMMAND_PORT}",
        settings.transport.tcp_events or f"tcp://*:{EVENTS_PORT}",
    )
    if host is None and any(address.startswith(("tcp://*:", "tcp://0.0.0.0:", "tcp://[::]:")) for address in bound):
        raise ConfigurationFault(
            Code.SETTINGS_INVALID, "how does the client reach this node? say --host NAME or IP", where="--host"
        )
    if host is None:
        return bound
    command, events = (f"tcp://{host}:{address.rpartition(':')[2]}" for address in bound)
    return command, events


def _node_public(folder: Path) -> str:
    try:
        return check_public(read_guarded(folder / NODE_PUBLIC).strip(), where=str(folder / NODE_PUBLIC))
    except ConfigurationFault as problem:
        if problem.code is not Code.KEY_MISSING:
            raise
        raise ConfigurationFault(
            Code.KEY_MISSING, "this node has no key yet: edge-agent keys init", where=str(folder)
        ) from problem


def _known(grants: tuple[Grant, ...], name: str, folder: Path) -> Grant:
    """The latest key of a name that was not revoked."""
    good = [grant for grant in grants if grant.name == name and grant.revoked is None]
    if not good:
        raise ConfigurationFault(Code.KEY_MISSING, f"{name} has no key that is good", where=str(folder / CLIENTS))
    return good[-1]
