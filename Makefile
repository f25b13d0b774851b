# Two commands are enough: `make demo` and `make test`. Needed first: Python 3.11+, make and a package index.

SHELL := /bin/sh
.DEFAULT_GOAL := help

UV_VERSION := 0.13.9
WORLD := out/demo-world
SIZE ?= 1000000
# Processes that run the tests, a file of tests at a time; each makes the demo company for itself.
WORKERS ?= 2
RETAIL := $(or $(MOMENTS_DATA),../shared/data)/online_retail_II.parquet

# Nothing we depend on reports home, loads pickles or spins while it waits; no interpreter is fetched.
export BENTOML_DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
export MLFLOW_ALLOW_PICKLE_DESERIALIZATION := false
export OMP_WAIT_POLICY := PASSIVE
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv

# uv: the one on the PATH, else a pinned one under .tools.
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
PYTHON3 := $(shell command -v python3 2>/dev/null || command -v python 2>/dev/null)
RUN := .venv/bin
STAMP := .venv/.synced
# Spark is of use only with Java, and large; where there is none its tests skip.
SPARK := $(if $(shell command -v java 2>/dev/null),--extra spark)

.PHONY: help setup demo test serve bento check fmt docs bench spark clean

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make the virtual environment with the locked dependencies

demo: $(STAMP) $(WORLD)/truth.json ## make the demo company if it is missing, run everything on it, show a summary
	@$(RUN)/moments run configs/demo.yaml

test: $(STAMP) ## run the whole test suite (ARGS="-k words" for a part, WORKERS=0 in one process)
	OPENBLAS_NUM_THREADS=1 $(RUN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

serve: $(STAMP) demo ## answer scores over HTTP with the demo's models
	$(RUN)/moments serve configs/demo.yaml

bento: $(STAMP) demo ## build a Bento that serves the demo's models from its own content
	$(RUN)/python -m serving.bento configs/demo.yaml

check: $(STAMP) ## format, lint, types, import rules, docs fresh
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports
	$(RUN)/python docs/generate.py --check

fmt: $(STAMP) ## put the code into format and mend what lint can mend
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

docs: $(STAMP) ## write the reference pages anew
	$(RUN)/python docs/generate.py

bench: $(STAMP) ## CPU seconds and memory against the obvious alternatives, and of a month more (SIZE=events)
	$(UV) sync --frozen --extra postgres --group bench
	$(RUN)/python -m benchmarks.feature_build --events $(SIZE)
	$(RUN)/python -m benchmarks.scaling --events $(SIZE)
	$(RUN)/python -m benchmarks.online
	$(RUN)/python -m benchmarks.new_month
	$(RUN)/python -m benchmarks.monitor
	$(RUN)/python -m benchmarks.gate
	$(RUN)/python -m benchmarks.guards
	$(RUN)/python -m benchmarks.training_cost
	$(RUN)/python -m benchmarks.beyond_memory
	$(RUN)/python -m benchmarks.adjusted
	$(RUN)/python -m benchmarks.driver_cost
	$(RUN)/python -m benchmarks.drivers
	@if test -f "$(RETAIL)"; then for name in online_retail shop origins learners nps survival; do $(RUN)/python -m benchmarks.$$name || exit 1; done; \
	  else echo "what needs real data is left out: there is no $(RETAIL); set MOMENTS_DATA to its folder"; fi

spark: $(STAMP) $(WORLD)/truth.json ## compare every feature by Spark with this machine's, bit by bit (needs Java 17)
	$(UV) sync --frozen --inexact --extra postgres --extra spark
	$(RUN)/python benchmarks/spark_equality.py configs/demo.yaml $(if $(wildcard ../shared/data/online_retail_II.parquet),configs/online_retail.yaml)

clean: ## remove what make made, but for the environment
	rm -rf out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(STAMP): pyproject.toml uv.lock | $(UV)
	$(UV) sync --frozen --extra postgres $(SPARK)
	@echo "compiling the feature kernel once"
	@$(RUN)/python -c "from features.online import warm; warm()"
	@touch $@

$(WORLD)/truth.json: | $(STAMP)
	@$(RUN)/moments world --out $(WORLD) --customers 3000 --seed 7

# Some systems ship python3 without the part that `venv` needs; then pip itself puts uv into the folder.
.tools/bin/uv:
	@test -n "$(PYTHON3)" || { echo "python3 is not on the PATH; install Python 3.11 or newer" >&2; exit 1; }
	@{ $(PYTHON3) -m venv .tools && .tools/bin/python -m pip install --quiet "uv==$(UV_VERSION)"; } \
	  || { rm -rf .tools; $(PYTHON3) -m pip install --quiet --target .tools "uv==$(UV_VERSION)"; }
	@test -x $@ || { echo "uv could not be installed; see https://docs.astral.sh/uv and put it on the PATH" >&2; exit 1; }
