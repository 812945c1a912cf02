# Every command that the README names. `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Builds of PyTorch without CUDA, from where somebody has them, are not what is locked.
ifneq ($(and $(LOCKED),$(TORCH_INDEX)),)
$(error What is locked is PyTorch with CUDA: leave out LOCKED or TORCH_INDEX)
endif

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test faults fuzz check audit lock sbom format messages bench gallery load clean

help: ## list the commands
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

run: $(VENV)/.ready$(if $(LOCKED),-locked) ## start everything on this machine and print the address; with what is locked: make run LOCKED=1; without CUDA: make run TORCH_INDEX=URL
	@exec $(BIN)/python -m launcher

test: $(VENV)/.ready-dev ## run every test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal

faults: $(VENV)/.ready-dev ## kill, freeze, fill and cut off everything, and check that no job is lost (half an hour)
	@$(BIN)/python -m pytest tests/faults -m faults

fuzz: $(VENV)/.ready-dev ## open damaged photos at random: make fuzz COUNT=100000 SEED=7
	@$(BIN)/python -m tests.hostile.fuzz $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

check: $(VENV)/.ready-dev ## format, lint, types, import rules, scripts, templates, known vulnerabilities
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/python -m mypy
	@PYTHONPATH=. $(BIN)/python $(BIN)/lint-imports --no-cache
	@DENO_DIR=$(VENV)/deno $(BIN)/deno check --quiet static/js
	@DENO_DIR=$(VENV)/deno $(BIN)/deno lint --quiet static/js
	@$(BIN)/python -m pytest --quiet tests/test_templates.py
	@$(BIN)/python -m provenance.audit

audit: $(VENV)/.ready-dev ## look for known vulnerabilities in what is locked and what is installed
	@$(BIN)/python -m provenance.audit

# What is locked stays as long as it fits. Annotations name who needs what, for the bill of materials.
lock: $(VENV)/.ready-dev ## lock what it needs, with hashes; the newest of everything: make lock UPGRADE=1
	@$(call pin,requirements.lock,pyproject.toml)
	@$(call pin,requirements-build.lock,--group build --constraint requirements.lock)

sbom: $(VENV)/.ready-dev ## write the bill of materials to build/
	@$(BIN)/python -m provenance.bill build/atelier.cdx.json

format: $(VENV)/.ready-dev ## put the code into its usual form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

messages: $(VENV)/.ready-dev ## put every sentence of the code into the catalogues of all languages, to be translated there
	@$(BIN)/python -m translations

bench: $(VENV)/.ready ## the figures that the README quotes
	@$(BIN)/python -m benchmarks

gallery: $(VENV)/.ready ## paint the pictures of docs/gallery.md (a quarter of an hour)
	@$(BIN)/python -m training.gallery --again

load: $(VENV)/.ready-dev ## the front end under 200 uploads at once and 500 polling pages
	@$(BIN)/python -m benchmarks.load

clean: ## forget the virtual environment and caches; data/ stays
	@rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# venv writes bin/python first and bin/pip last: without either, nothing of it can be kept.
$(BIN)/python $(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "Atelier needs Python 3.11 or newer: install it, or name it with make PYTHON=python3.12 $(MAKECMDGOALS)." >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || \
		{ rm -rf $(VENV); echo "The virtual environment could not be made: install Python's venv module (Debian: apt install python3-venv), or move Atelier to a path without a colon, which venv refuses." >&2; exit 1; }

$(VENV)/.ready: $(BIN)/python $(BIN)/pip pyproject.toml
	@echo "Installing what Atelier needs ($(if $(TORCH_INDEX),a gigabyte,several gigabytes) the first time) ..."
	@$(if $(TORCH_INDEX),$(call install,--index-url "$(TORCH_INDEX)" torch torchvision))
	@$(call install,--editable .)
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready
	@$(call install,--editable '.[dev]')
	@touch $@

# What builds a package that comes as source (pyvips, and Atelier itself) is locked as well, and there before it is needed.
$(VENV)/.ready-locked: $(BIN)/python $(BIN)/pip pyproject.toml requirements.lock requirements-build.lock
	@echo "Installing what is locked (several gigabytes the first time) ..."
	@$(call install,--require-hashes --only-binary :all: --requirement requirements-build.lock)
	@$(call install,--require-hashes --no-build-isolation --requirement requirements.lock)
	@$(call install,--no-deps --no-build-isolation --editable .)
	@touch $@

# pip notes INSTALLER when all files of a package are there, and takes what it did not finish for installed.
# Run as a module, because a script's first line may be too short for the path of its interpreter.
install = for each in $(VENV)/lib/python*/site-packages/*.dist-info; do [ -e "$$each/INSTALLER" ] || rm -rf "$$each"; done; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(1) 2>$(VENV)/install.log || \
		{ tail -n 5 $(VENV)/install.log >&2; echo "The installation failed: check the connection and the room on the disk, then run the command again ($(VENV)/install.log has the details)." >&2; exit 1; }

# For every platform and every Python from the oldest on, whatever this machine has.
pin = UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile $(2) --quiet --universal --python-version 3.11 --generate-hashes \
	--annotation-style line $(if $(UPGRADE),--upgrade) --output-file $(1)
