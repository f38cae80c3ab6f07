"""The shape of the house: imports point down, one library is imported in one place, files and functions stay small."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "edge_agent"

ROOMS = (
    ("cli",),
    ("evaluation", "training", "benchmarking"),
    ("node",),
    ("transport", "safety", "speech", "language"),
    ("planning",),
    ("grammar",),
    ("packs",),
    ("world",),
    ("service", "store"),
    ("observe",),
    ("processes",),
    ("client",),
    ("keys",),
    ("settings",),
    ("messages",),
    ("limits",),
    ("errors", "clock", "__init__"),
)
"""From the top down. A room imports from rows below its own, and from itself; never sideways, never up."""

LIBRARIES = {
    "pydantic": "the language of messages, packs and settings; it is everywhere as dataclasses are",
    "rich": "the command line's own paint: every verb prints",
    "zmq": "two ends of one wire, the node's room and the client's file, and the making of keys for both",
    "numpy": "arrays are passed between the engine and what reads its numbers",
    "llama_cpp": "the engine's binding, by several of its own files",
    "torch": "the training room's own language",
    "tokenizers": "likewise: its encoder is passed between corpus, batches and export",
    "gguf": "one file writes models, one reads them back",
    "onnxruntime": "one small network each: the voice activity model's, the stop words'",
    "pocketsphinx": "two searches: the recogniser's, the stop words'",
}
"""Libraries that more than one file may import, each with the reason."""

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
BANNED_NAMES = re.compile(r"(?:^|_)(?:utils?|helpers?|managers?|misc)(?:_|$)|^common$")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|home/\w+)/")

MODULES = sorted(PACKAGE.rglob("*.py"))


def tracked_files() -> list[Path]:
    """What a clone would hold; in an unpacked archive without git, what lies there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    return [path for folder in ("edge_agent", "tests", "docs") for path in (ROOT / folder).rglob("*.*")]


def dotted(path: Path) -> str:
    """The module's name: edge_agent.world.linker."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, wherever in it, with the line; those for type checking only left out."""
    tree = parsed(path)
    unseen = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            assert node.module
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield (inner if inner in NAMES else node.module), node.lineno


NAMES = {dotted(path) for path in MODULES}
every_module = pytest.mark.parametrize("path", [pytest.param(path, id=dotted(path)) for path in MODULES])


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def height_of(module: str) -> int:
    """How high a room stands; 0 is the ground."""
    heights = {room: len(ROOMS) - row for row, rooms in enumerate(ROOMS) for room in rooms}
    heights["__main__"] = len(ROOMS) + 1
    return heights[room_of(module)]


def test_every_room_has_its_place() -> None:
    """A new folder or file at the top is put into the table, or it is not built."""
    rooms = {room_of(name) for name in NAMES}
    assert rooms - {"__main__"} == {room for row in ROOMS for room in row} & rooms
    assert rooms - {"__main__"} <= {room for row in ROOMS for room in row}


@every_module
def test_imports_point_down(path: Path) -> None:
    """Nobody reaches up or sideways into another room, not even inside a function."""
    own = dotted(path)
    for module, line in imports_of(path):
        if module.split(".")[0] == "edge_agent" and room_of(module) != room_of(own):
            assert height_of(module) < height_of(own), f"{path}:{line}: {own} must not import {module}"


def test_no_module_imports_itself_in_a_circle() -> None:
    """Within a room, too, imports have a direction."""
    edges = {dotted(path): {name for name, _ in imports_of(path) if name in NAMES} for path in MODULES}
    settled: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " → ".join((*way[way.index(module) :], module))
        if module not in settled:
            for below in sorted(edges[module] - {module}):
                walk(below, (*way, module))
            settled.add(module)

    for module in sorted(edges):
        walk(module, ())


def test_a_library_is_imported_in_one_file() -> None:
    """So that its exceptions can be translated there; the exceptions to this rule have a reason in the table."""
    users: dict[str, set[str]] = {}
    for path in MODULES:
        for module, _ in imports_of(path):
            library = module.split(".")[0]
            if library not in sys.stdlib_module_names and library != "edge_agent":
                users.setdefault(library, set()).add(dotted(path))
    scattered = {library: sorted(files) for library, files in users.items() if len(files) > 1}
    assert scattered.keys() <= LIBRARIES.keys(), scattered
    elsewhere = {name for name in users.get("zmq", set()) if room_of(name) != "transport"}
    assert elsewhere <= {"edge_agent.client.connection", "edge_agent.keys.curve"}


@every_module
def test_a_module_says_what_it_is_for(path: Path) -> None:
    """Every file with code begins with a docstring."""
    tree = parsed(path)
    assert not tree.body or ast.get_docstring(tree), f"{path} needs a docstring"


@every_module
def test_files_and_functions_stay_small(path: Path) -> None:
    """What no longer fits on a few screens is two things."""
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= FILE_LINES_MAX, f"{path} has {lines} lines"
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_what_surrounds_the_package_stays_small_too() -> None:
    """Tests, scripts and benchmarks."""
    around = [path for path in tracked_files() if path.suffix == ".py" and PACKAGE not in path.parents]
    assert len(around) > 200
    lines = {path: path.read_text(encoding="utf-8").count("\n") for path in around}
    assert {path: count for path, count in lines.items() if count > FILE_LINES_MAX} == {}


@every_module
def test_names_say_what_a_thing_is(path: Path) -> None:
    """Nothing is called after the fact that it is useful."""
    assert not any(BANNED_NAMES.search(part.lower()) for part in dotted(path).split(".")), path
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower()
            assert not BANNED_NAMES.search(words), f"{path}:{node.lineno}: {node.name}"


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(ROOT))) for path in tracked_files()])
def test_no_file_knows_the_machine_it_was_written_on(path: Path) -> None:
    """No absolute path of somebody's disk, and nothing is left to do later."""
    if path.suffix in {".gguf", ".png"} or path == Path(__file__):
        return
    text = path.read_text(encoding="utf-8", errors="replace")
    found = MACHINE_PATHS.search(text)
    assert not found, f"{path}: {found.group(0) if found else ''}"
    if path.suffix == ".py":
        later = re.search(r"#.*\b(?:TODO|FIXME|XXX)\b", text)
        assert not later, f"{path}: {later.group(0) if later else ''}"
