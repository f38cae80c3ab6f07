"""The command line: what every verb promises, without a node and without a model."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_agent import __version__
from edge_agent.cli import build_parser, main
from edge_agent.cli.doctor import engine_detail
from edge_agent.cli.exit_codes import MEANING, Exit, exit_of_error, exit_of_outcome
from edge_agent.cli.verbs import VERBS, Verb, load
from edge_agent.errors import ClientFault, Code, ConfigurationFault, EdgeAgentError, NodeFault
from edge_agent.messages import Outcome

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EACH_VERB = [pytest.param(verb, id=verb.name) for verb in VERBS]


def rows(heading: str) -> list[list[str]]:
    """The cells of the README's table under this header row."""
    lines = README[README.index(heading) :].split("\n")[2:]
    table = lines[: next(place for place, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in table]


@pytest.mark.parametrize("verb", EACH_VERB)
def test_help_has_an_example(verb: Verb, capsys: pytest.CaptureFixture[str]) -> None:
    """`edge-agent VERB --help` says what it does and shows a command line."""
    with pytest.raises(SystemExit) as ended:
        main([verb.name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "--json" in shown
    assert f"example:\n  edge-agent {verb.name}" in shown


@pytest.mark.parametrize("verb", EACH_VERB)
def test_examples_can_be_typed(verb: Verb) -> None:
    """Every command line of an example is one that the verb takes."""
    for line in load(verb).EXAMPLE.strip().splitlines():
        words = shlex.split(re.split(r" [<>] ", line)[0], comments=True)
        assert words[:2] == ["edge-agent", verb.name]
        build_parser(words[1:]).parse_args(words[1:])


def test_readme_names_every_verb() -> None:
    """The README's table of verbs is the table that runs."""
    assert rows("| verb |") == [[verb.name, verb.summary] for verb in VERBS]


def test_readme_names_every_exit_code() -> None:
    """The README's exit codes are the ones that verbs end with, and --help shows the same."""
    assert rows("| exit code |") == [[str(code.value), meaning] for code, meaning in MEANING.items()]
    assert set(MEANING) == set(Exit)
    shown = build_parser([]).format_help()
    assert all(meaning in shown for meaning in MEANING.values())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` is the package's version."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"edge-agent {__version__}\n"


@pytest.mark.parametrize(
    "line",
    [
        pytest.param([], id="nothing"),
        pytest.param(["sing"], id="unknown-verb"),
        pytest.param(["say"], id="words-missing"),
        pytest.param(["halt", "--loud"], id="unknown-option"),
        pytest.param(["models", "burn"], id="unknown-choice"),
    ],
)
def test_a_wrong_line_is_a_usage_error(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What makes no sense ends with 2 and the usage on stderr; stdout stays empty."""
    with pytest.raises(SystemExit) as ended:
        main(line)
    assert ended.value.code == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "usage: edge-agent" in shown.err


@pytest.mark.parametrize(
    ("error", "end"),
    [
        pytest.param(ClientFault(Code.TOO_LONG, "x"), Exit.REFUSED, id="client"),
        pytest.param(ConfigurationFault(Code.SETTINGS_INVALID, "x"), Exit.CONFIGURATION, id="configuration"),
        pytest.param(NodeFault(Code.ENGINE_CRASHED, "x"), Exit.FAILED, id="node"),
        pytest.param(NodeFault(Code.NODE_UNREACHABLE, "x"), Exit.UNREACHABLE, id="unreachable"),
        pytest.param(NodeFault(Code.NO_ANSWER, "x"), Exit.UNREACHABLE, id="no-answer"),
        pytest.param(ClientFault(Code.EXPIRED, "x"), Exit.EXPIRED, id="expired"),
        pytest.param(NodeFault(Code.STOPPED, "x"), Exit.STOPPED, id="stopped"),
        pytest.param(NodeFault(Code.MODEL_MISSING, "x"), Exit.CONFIGURATION, id="model"),
    ],
)
def test_an_error_ends_with_its_number(error: EdgeAgentError, end: Exit) -> None:
    """The exit code tells whose fault it was, or, where the code knows more, what it was."""
    assert exit_of_error(error) is end


def test_every_outcome_has_a_number() -> None:
    """No answer leaves a script guessing; only actions are 0."""
    ends = {outcome: exit_of_outcome(outcome) for outcome in Outcome}
    assert [outcome for outcome, end in ends.items() if end is Exit.OK] == [Outcome.ACTIONS]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(["say", "go to dock 2"], id="say"),
        pytest.param(["halt"], id="halt"),
        pytest.param(["resume"], id="resume"),
        pytest.param(["confirm", "a-1-1-1", "0" * 64, "t1"], id="confirm"),
        pytest.param(["world", "remove", "red box"], id="world"),
    ],
)
def test_without_a_node(line: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A verb that needs a node says so in one line, with the address, and ends with 4."""
    assert main([*line, "--runtime-dir", str(tmp_path)]) == Exit.UNREACHABLE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"NODE_UNREACHABLE: ipc://{tmp_path}/command.sock: ")
    assert shown.err.count("\n") == 1


def test_a_wrong_setting_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown key of the settings file ends with 3, naming the file and the key."""
    config = tmp_path / "node.toml"
    config.write_text('robto = "porter"\n', encoding="utf-8")
    assert main(["halt", "--config", str(config)]) == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith(f"SETTINGS_INVALID: {config}: robto: ")


@pytest.mark.parametrize(
    ("line", "start"),
    [
        pytest.param(["interpret", "go", "--pack", "ship"], "UNKNOWN_PACK: ", id="pack"),
        pytest.param(["interpret", "go", "--world", "gone.toml"], "WORLD_INVALID: gone.toml: ", id="world"),
        pytest.param(["interpret", "go", "--model", "gone.gguf"], "MODEL_MISSING: ", id="model"),
        pytest.param(
            ["interpret", "go", "--threads", "0"], "SETTINGS_INVALID: settings: model.n_threads: ", id="threads"
        ),
        pytest.param(["eval", "gone.jsonl"], "EVAL_INVALID: gone.jsonl: ", id="examples"),
    ],
)
def test_a_wrong_file_is_named(line: list[str], start: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A pack, world, model or file of examples that is not there ends with 3 and says which."""
    assert main(line) == Exit.CONFIGURATION
    assert capsys.readouterr().err.startswith(start)


def test_schema_of_the_wire(capsys: pytest.CaptureFixture[str]) -> None:
    """`schema` writes a JSON Schema that is one; `--asyncapi` the AsyncAPI document."""
    assert main(["schema"]) == Exit.OK
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(document)
    assert {"Command", "Answer"} <= set(document["$defs"])
    assert main(["schema", "--asyncapi"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["asyncapi"].startswith("3.")


def test_schema_of_a_pack(capsys: pytest.CaptureFixture[str]) -> None:
    """`schema --pack` takes an action as the robot gets it and refuses one with a slot too many."""
    assert main(["schema", "--pack", "robot", "--json"]) == Exit.OK
    shown = capsys.readouterr().out
    assert shown.count("\n") == 1
    validator = jsonschema.Draft202012Validator(json.loads(shown))
    assert validator.is_valid({"action": "go_to", "place": "dock 2"})
    assert not validator.is_valid({"action": "go_to", "place": "dock 2", "speed": 9})
    assert not validator.is_valid({"action": "fly"})


def test_replay_without_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`replay` where no node has run says so and makes no file."""
    assert main(["replay", "--state-dir", str(tmp_path)]) == Exit.FAILED
    assert capsys.readouterr().err.startswith(f"JOURNAL_UNAVAILABLE: {tmp_path}/journal.db: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("facts", "part"),
    [
        pytest.param({"parameters": 5_600_000}, "5.6 M parameters", id="size"),
        pytest.param({"placement": "runs on the processor"}, "; runs on the processor", id="cpu"),
        pytest.param({"placement": "RTX 4090: all 33 layers fit", "offloaded": "33/33"}, "fit; 33/33", id="gpu"),
        pytest.param({"warnings": ["only 20 of 33 layers"]}, "WARNING: only 20 of 33 layers", id="split"),
        pytest.param({"fallback": "runs without extra matrix kernels"}, "runs without extra", id="fallback"),
    ],
)
def test_doctor_tells_how_the_engine_runs(facts: dict[str, Any], part: str) -> None:
    """Whether it runs on a GPU, and whether a build that crashes had to be worked around, is said in words."""
    assert part in engine_detail(facts)
