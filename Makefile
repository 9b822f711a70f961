# Two commands on an empty machine: `make demo` and `make test`. Everything else is for convenience.
# Needs make and Python 3.11 or newer; the rest (virtual environment, packages, a browser) is set up here.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.set-up
# What needs no browser runs first, on both cores. What times pages out wants the machine for itself: the ground truth
# of every mechanism, and the pages that misbehave.
QUICK = tests/unit tests/properties tests/rules tests/contract tests/docs

E2E = tests/e2e/test_
# The longest first: two workers share the files.
BROWSER = $(E2E)mail_kill.py $(E2E)visit_details.py $(E2E)report_browser.py $(E2E)site_pages.py \
	$(E2E)demo_site.py $(E2E)cli_disguise.py $(E2E)mail_channels.py $(E2E)mail_smtp.py $(E2E)store_kill.py \
	$(E2E)wheel.py $(E2E)cli_state.py $(E2E)judgement_cli.py $(E2E)launch.py $(E2E)approvals_cli.py $(E2E)policy_cli.py

# Tests start hundreds of commands: each finds its modules compiled, also where the environment says otherwise.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help setup demo test test-long test-fast lint lint-types lint-rest scan bench docs clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## virtual environment, packages and a browser

$(STAMP): pyproject.toml constraints.txt .ci/bootstrap
	sh .ci/bootstrap "$(PYTHON)" "$(VENV)"
	@touch $@

demo: $(STAMP) ## scan the bundled clinic site, let the Pinterest Tag come back, show the drift
	$(BIN)/tagdrift demo

scan: $(STAMP) ## scan any site: make scan URL=https://www.example.org
	@test -n "$(URL)" || { echo "usage: make scan URL=https://www.example.org" >&2; exit 2; }
	$(BIN)/tagdrift scan "$(URL)"

test: $(STAMP) lint ## everything CI runs
	$(BIN)/pytest -q -n 2 --dist loadfile $(QUICK)
	$(BIN)/pytest -q $(E2E)completeness.py $(E2E)robustness.py
	$(BIN)/pytest -q -n 2 --dist loadfile $(BROWSER)

test-long: $(STAMP) ## every test, with the stories of many scans that take long (not part of CI)
	$(BIN)/pytest -q tests

test-fast: $(STAMP) ## without the browser
	$(BIN)/pytest -q -n 2 --dist loadfile $(QUICK)

lint: $(STAMP) ## style, types, import directions, rule files
	@$(MAKE) --no-print-directory -j 2 lint-types lint-rest

lint-types: $(STAMP)
	$(BIN)/mypy

lint-rest: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/tagdrift rules check
	$(BIN)/tagdrift rules test

bench: $(STAMP) ## measure speed and memory, write benchmarks/results.json and docs/performance.md
	$(BIN)/python -m benchmarks

clean: ## remove what `setup` made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
