"""Checks an export of the journal: `python verify.py [FOLDER]`. Needs Python 3.8 and nothing else.

Every file against the manifest, then every entry's link: sha256 over the link before it and six lines. Where a text was
left out, its digest stands in, and the links hold all the same.
"""

import hashlib
import json
import pathlib
import sys


def check(folder: pathlib.Path) -> str:
    """The last entry as SEQ:LINK, or AssertionError with what is wrong."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, f"{name} was changed"
    seq, link = manifest["before"].split(":")
    seq, link = int(seq), bytes.fromhex(link)
    for line in (folder / "entries.jsonl").read_text(encoding="utf-8").split("\n")[:-1]:
        entry, seq = json.loads(line), seq + 1
        assert entry["seq"] == seq, f"entry {seq} is missing"
        for part in ("body", "private"):
            shown = entry[part] is None or hashlib.sha256(entry[part].encode()).hexdigest() == entry[f"{part}_sha256"]
            assert shown, f"entry {seq}: the {part} was changed"
        names = ("seq", "wall_ms", "table", "key", "body_sha256", "private_sha256")
        link = hashlib.sha256(link + "\n".join(str(entry[name]) for name in names).encode()).digest()
        assert link.hex() == entry["link"], f"entry {seq} is not what was written, or what came before it is not"
    assert f"{seq}:{link.hex()}" == manifest["last"], "the end is missing"
    return f"{seq}:{link.hex()}"


if __name__ == "__main__":
    where = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent)
    sys.stdout.write(f"whole, up to {check(where)}\n")
