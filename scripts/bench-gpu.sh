#!/bin/sh
# Measures the shape of Llama 3 8B on an NVIDIA GPU in one call, from a checkout on a machine that has one:
#
#     sh scripts/bench-gpu.sh                  # random weights of the real shape, made here (4.9 GB in .cache/models)
#     sh scripts/bench-gpu.sh MODEL.gguf       # a model of your own
#
# Builds llama.cpp with CUDA for this card alone into .wheels-cuda and an environment of its own, .venv-cuda; leaves the
# tables in runs/gpu.md and the plots beside them. Needs nvcc, a driver, g++, make and python3-venv. A Jetson's card has
# no nvidia-smi: give its architecture, ARCHITECTURE=87.
set -eu

cd "$(dirname "$0")/.."
command -v nvcc >/dev/null || { echo "gpu: nvcc is missing: install the CUDA toolkit" >&2; exit 1; }
architecture=${ARCHITECTURE:-$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d .)}
[ -n "$architecture" ] || { echo "gpu: no card found; set ARCHITECTURE" >&2; exit 1; }

python3 -m venv .venv-cuda
CMAKE_ARGS="-DGGML_CUDA=on -DCMAKE_CUDA_ARCHITECTURES=$architecture" sh scripts/build-engine.sh .wheels-cuda .venv-cuda/bin/python
.venv-cuda/bin/python -m pip --quiet install --find-links .wheels-cuda --editable '.[bench,dev]'

model=${1:-.cache/models/llama3-8b-q4_k_m.gguf}
if [ ! -f "$model" ]; then
    mkdir -p "$(dirname "$model")"
    vocab=$(sh scripts/fetch-vocab.sh .venv-cuda/bin/python | tail -n 1)
    .venv-cuda/bin/python benchmarks/make_model.py llama3-8b "$model" --vocab "$vocab" --quantization Q4_K_M
fi
[ $# -gt 0 ] && sense="" || sense="--any-confidence --no-settle"

mkdir -p runs
.venv-cuda/bin/edge-agent doctor || true
# shellcheck disable=SC2086  # two options or none
exec .venv-cuda/bin/edge-agent bench --model "$model" --gpu-layers -1 --sequences 32 --sentences 100 $sense \
    --markdown runs/gpu.md --plots runs
