# Everything here works from a bare clone; it needs Python >= 3.10 and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: audit soak test-versions test-clients fuzz kills mutation train benchmark collusion test test-long test-slow test-browser test-vllm test-adapters nano lint docs explorer wheel bench bench-compare reproduce clean help

help:        ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/  -/'

# Installed once, and again only when one of these two files changes.
.venv/stamp: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train]'
	@touch $@

# What tests and measurements need on top.
.venv/all-stamp: .venv/stamp
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,fast,test,measure,ray]'
	@touch $@

train: .venv/stamp  ## train the default market, about a minute; options: make train ARGS="--mechanism second_price"
	$(BIN)/python train/run.py $(ARGS)

benchmark: .venv/stamp  ## all baselines on the small suite, about a quarter of an hour; options: make benchmark ARGS=--help
	$(BIN)/python train/benchmark.py $(ARGS)

collusion: .venv/stamp  ## do pricing algorithms collude: 1,000 published sessions, under a minute; options: make collusion ARGS=--help
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,fast]'
	$(BIN)/python train/collusion.py --sessions 1000 $(ARGS)

test: .venv/all-stamp  ## the default tests; options: make test ARGS="-k auction"
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal $(ARGS)

test-long: .venv/all-stamp  ## whole runs of the scripts, kills at random moments, learning: seconds each, some five minutes
	$(BIN)/python -m pytest -m "long and not slow" --numprocesses auto --dist worksteal $(ARGS)

mutation: .venv/all-stamp  ## put faults into a copy of the code, one at a time, and see that tests notice; ARGS="--every 4" for some
	$(BIN)/python tests/mutation/run.py $(ARGS)

fuzz: .venv/all-stamp  ## thousands of odd calls of every public door, counted, some ten minutes; ARGS="--cases 100" for few
	$(BIN)/python tests/fuzz/fuzz.py $(ARGS)

kills: .venv/all-stamp  ## kill every script that can go on, 30 times each, and count what is lost; ARGS="--only run.py" for one
	$(BIN)/python tests/kills/kill.py $(ARGS)

test-slow: .venv/all-stamp  ## the tests that take minutes: learning over ten seeds, bulk comparisons
	$(BIN)/python -m pytest -m slow $(ARGS)

test-browser: .venv/all-stamp  ## reports and the explorer in headless Chromium, where that is installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[browser]'
	$(BIN)/python -m pytest -m browser tests/browser $(ARGS)

test-clients:  ## other libraries on these environments, each group in an environment of its own; ARGS="torchrl" for one
	$(PYTHON) tests/clients/run.py $(ARGS)

test-versions:  ## the library under the oldest and newest dependencies and Pythons, each in an environment of its own
	$(PYTHON) tests/versions.py $(ARGS)

# vLLM needs its own torch and some 3 GB, so its CPU build gets an environment of its own.
.venv-vllm/stamp: pyproject.toml tests/vllm_env.sh
	PYTHON=$(PYTHON) sh tests/vllm_env.sh .venv-vllm
	@touch $@

test-vllm: .venv-vllm/stamp  ## vLLM's engine and server on the CPU, on tiny models made for them
	.venv-vllm/bin/python -m pytest tests/curves/test_vllm.py tests/serving $(ARGS)

# Trainers of language models bring many requirements, so each gets an environment of its own.
.venv-openenv/stamp .venv-verifiers/stamp: .venv-%/stamp: tests/adapters/%.txt pyproject.toml
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --requirement tests/adapters/$*.txt --editable .
	@touch $@

test-adapters: .venv-openenv/stamp .venv-verifiers/stamp  ## the adapters for OpenEnv and verifiers, by their own validators
	.venv-openenv/bin/python -m pytest --noconftest tests/adapters/test_openenv.py $(ARGS)
	.venv-verifiers/bin/python -m pytest --noconftest tests/adapters/test_verifiers.py $(ARGS)

nano: .venv/all-stamp  ## train nano models, measure them and build their market, in minutes: curves/nano.py
	$(BIN)/python curves/nano.py $(ARGS)

lint: .venv/all-stamp  ## style, formatting and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/all-stamp  ## the documentation as a site, in docs/_build/html; a warning is an error
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

explorer: .venv/stamp  ## the market explorer alone, in half a minute, in docs/_build/explorer
	$(BIN)/python docs/explorer/build.py

wheel: .venv/all-stamp  ## build sdist and wheel, and use each in an empty environment
	BIN=$(BIN) sh tests/wheel.sh

audit: .venv/all-stamp  ## known weaknesses of what is installed, by pip-audit; fails where PyPI's list cannot be asked
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet pip-audit
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' > .venv-audit/installed.txt
	.venv-audit/bin/pip-audit --strict --no-deps --disable-pip --requirement .venv-audit/installed.txt

bench: .venv/all-stamp  ## the exact solvers against brute force, and throughput against SuperSuit, SB3 and Numba; prints ratios
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python tests/benchmarks/equilibrium.py
	$(BIN)/python tests/benchmarks/collusion.py --batch 1000
	$(BIN)/python tests/benchmarks/throughput.py $(ARGS)

soak: .venv/all-stamp  ## 1e9 agent steps of two engines: nothing drifts, nothing is kept; ARGS="--steps 1e7" for fewer
	$(BIN)/python tests/benchmarks/soak.py $(ARGS)

bench-compare: .venv/all-stamp  ## time this checkout and another commit in turns: make bench-compare REV=main
	$(BIN)/python tests/benchmarks/compare.py $(REV) $(ARGS)

reproduce: .venv/stamp  ## the published study: tables beside ours, sweeps and figures, in seconds
	$(BIN)/python train/reproduce.py $(ARGS)

clean:       ## remove the environment and what was built; runs/ stays
	rm -rf .venv .venv-audit .venv-clients .venv-versions .venv-vllm .venv-openenv .venv-verifiers build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
