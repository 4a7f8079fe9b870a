# Everything is built inside this folder, from hash-locked files. `make help` lists the targets.
PYTHON ?= python3
SETUP = $(PYTHON) scripts/setup.py
MANAGER = .venv/bin/vllm-manager
PYTEST = .venv/bin/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup up down check test soak bench bench-long fmt openapi lock upgrade

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup:  ## build what running it needs: two Python environments and the web UI
	@$(SETUP) run

up: setup  ## build, start everything, and print the URL
	@$(MANAGER) up

down:  ## stop everything that `make up` started
	@test ! -x $(MANAGER) || $(MANAGER) down

check:  ## the quick gate: form, types, contracts, unit tests, the UI
	@$(SETUP) dev
	@$(PYTHON) scripts/gate.py

test:  ## that, then the tests with whole processes, a real engine, faults and a browser
	@$(SETUP) test
	@$(PYTHON) scripts/gate.py
	@$(PYTHON) scripts/gate.py integration
	@$(PYTHON) scripts/gate.py heavy

soak:  ## the long tests
	@$(SETUP) test
	$(PYTEST) -m slow
	@set -e; for file in bench/soak/*.py; do echo "== $$file"; .venv/bin/python "$$file"; done

bench:  ## the figures that the project promises, measured side by side
	@$(SETUP) test
	@$(PYTHON) scripts/benches.py

bench-long:  ## those that take much longer: every failure produced for real, a download of 20 GB
	@$(SETUP) test
	@$(PYTHON) scripts/benches.py long

fmt:  ## bring all code into its form
	@$(SETUP) dev
	@$(PYTHON) scripts/gate.py fmt

openapi:  ## write the API's description and the UI's client from the code
	@$(SETUP) dev
	@$(PYTHON) scripts/gate.py openapi

lock:  ## compile the lock files from what they are made of
	@$(SETUP) lock

upgrade:  ## the same, with the newest versions
	@$(SETUP) upgrade
