#!/bin/sh
# Puts the real Llama 3 vocabulary (128,256 tokens, no weights) into .cache/vocab, once; prints its path.
#
# It ships inside llama-cpp-python's source package, so the same package index that installs the engine has it.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
folder=$root/.cache/vocab
name=ggml-vocab-llama-bpe.gguf
sum=97272e430d53bc7688f52d5e0ad8ea8f163ede9f1bbd1694feaa504797d5d96e
python=${1:-python3}

if [ ! -f "$folder/$name" ]; then
    mkdir -p "$folder"
    work=$(mktemp -d -p "$folder")
    trap 'rm -rf "$work"' EXIT INT TERM
    requirement=$(sed -n 's/^ *"\(llama-cpp-python[^"]*\)",.*/\1/p' "$root/pyproject.toml" | head -n 1)
    "$python" -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$work" "$requirement" >&2
    "$python" - "$work" "$name" <<'PY'
import pathlib, sys, tarfile

work = pathlib.Path(sys.argv[1])
[sdist] = work.glob("llama_cpp_python-*.tar.gz")
with tarfile.open(sdist) as archive:
    [member] = [one for one in archive if one.name.endswith("/models/" + sys.argv[2])]
    (work / sys.argv[2]).write_bytes(archive.extractfile(member).read())
PY
    echo "$sum  $work/$name" | sha256sum --check --quiet - >&2
    mv "$work/$name" "$folder/$name"
fi
echo "$folder/$name"
