# Two commands are enough on a fresh machine: make demo, make test.
PYTHON ?= python3
HOST ?= 127.0.0.1
RUN := .venv/bin/python -m
.DEFAULT_GOAL := help

.PHONY: help demo demo-reset test soak bench bench-full failover lint lock texts wheel clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## start the store, the till, the server, the worker and the sandbox bank (HOST=0.0.0.0 for a real phone)
	@$(PYTHON) scripts/bootstrap.py demo
	@.venv/bin/fenqi-demo up --host $(HOST) $(if $(BASE_URL),--base-url $(BASE_URL)) $(if $(STORE_URL),--store-url $(STORE_URL))

demo-reset: ## forget everything the demo keeps
	@rm -rf var/demo
	@echo "The demo's data is gone; make demo starts anew."

test: ## everything that must pass: lint, types, and all tests on both engines and in a browser
	@$(PYTHON) scripts/bootstrap.py dev
	@$(RUN) scripts.check

lint: ## format check, lint and types only
	@$(PYTHON) scripts/bootstrap.py dev
	@$(RUN) scripts.check lint

soak: ## the long runs: a million examples, with a progress bar and a seed that reproduces
	@$(PYTHON) scripts/bootstrap.py dev
	@$(RUN) tests.finance.soak --examples $(or $(EXAMPLES),1000000) $(if $(SEED),--seed $(SEED))
	@FENQI_API_EXAMPLES=700 $(RUN) pytest -q -s tests/api/test_openapi.py
	@FENQI_SALES=100 FENQI_EVENTS=10000 $(RUN) pytest -q -s --timeout=0 tests/faults
	@FENQI_YEAR_LOANS=$(or $(FENQI_YEAR_LOANS),1000) $(RUN) pytest -q -s --timeout=0 tests/life/test_town.py $(if $(wildcard /dev/shm),--basetemp=/dev/shm/fenqi-year)
	@FENQI_LIVES=$(or $(LIVES),2000) $(RUN) pytest -q -s --timeout=0 tests/life/test_life_of_a_loan.py $(if $(SEED),--hypothesis-seed $(SEED))
	@FENQI_SOAK=1 $(RUN) pytest -q --timeout=0 tests/evidence/test_attacks.py tests/agreement/test_verifier.py
	@FENQI_FORGERIES=100000 $(RUN) pytest -q tests/till/test_attacks.py
	@FENQI_FUZZ=all $(RUN) pytest -q --timeout=0 tests/api/test_fuzz_routes.py
	@FENQI_TRIGGERS=all FENQI_SCREENS=all $(RUN) pytest -q tests/e2e/test_sales.py $$(find tests -name "test_*in_a_browser.py" -o -name "test_with_a_browser.py")

bench: ## how far each path is from the bare floor under it
	@$(PYTHON) scripts/bootstrap.py dev
	@$(RUN) benchmarks

bench-full: ## the same with JSON and a chart for the docs, the simulation of growth, and an hour's memory
	@$(PYTHON) scripts/bootstrap.py dev
	@FENQI_BENCH_LOANS=100000 $(RUN) benchmarks --json docs/reference/benchmarks.json --svg docs/reference/benchmarks.svg
	@$(RUN) benchmarks.scale --write
	@$(RUN) benchmarks.memory

failover: ## kill the leader of a PostgreSQL cluster under load (Debian: patroni, etcd-server, pgbouncer; as root)
	@$(PYTHON) scripts/bootstrap.py dev
	@$(RUN) scripts.failover

lock: ## write requirements/*.txt anew from setup.cfg
	@$(RUN) scripts.lock

texts: ## collect and compile the translations
	@$(RUN) scripts.texts

wheel: ## build the wheel into dist/
	@$(RUN) build --wheel --no-isolation --outdir dist .

clean: ## remove what builds and tests leave behind
	@rm -rf build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
