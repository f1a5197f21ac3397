# armor-d: `make verify` runs the check matrix, `make test` the tests. Both set up .venv on first use.
PYTHON ?= python3
VENV ?= .venv
# The torch build. TORCH_INDEX takes a wheel index as pytorch.org's install page names it (CPU or CUDA);
# empty means the default index.
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
WORKERS ?= 2
ARGS ?=

SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: help verify test test-slow lint types format lock formal formal-deps docs pdf docs-browser docs-pictures docs-record clean
help:
	@echo 'make verify      set up $(VENV) and run the check matrix (armor verify)'
	@echo 'make test        set up $(VENV) and run the tests; `make test-slow` adds the slow tier'
	@echo 'make lint types  ruff and mypy --strict'
	@echo 'make formal      compile the Coq proofs, print what they assume, run coqchk; `make formal-deps` installs Coq'
	@echo 'make docs        build the site into build/docs/html; `make pdf` the derivations on paper'
	@echo 'make docs-record record anew what the site shows and is not of the present code'
	@echo 'Options: PYTHON=python3.12 TORCH_INDEX=<wheel index> WORKERS=2 ARGS="..."'

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'armor needs Python >= 3.11; `$(PYTHON)` is older: try `make PYTHON=python3.12 ...`' >&2; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo 'could not create $(VENV): install the venv module of $(PYTHON) (Debian: python3-venv)' >&2; exit 2; }
	@echo 'setting up $(VENV) (once; a few minutes, most of it torch) ...' >&2
	@$(PIP) install '$(TORCH)' $(if $(TORCH_INDEX),--index-url '$(TORCH_INDEX)')
	@$(PIP) install -c constraints.txt -e '.[verify,train,attack,dev]'
	@touch $@

verify: $(STAMP)
	@$(BIN)/armor verify $(ARGS)

test: $(STAMP)
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

test-slow: $(STAMP)
	@$(BIN)/python -m pytest -n $(WORKERS) -m '' $(ARGS)

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

format: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(STAMP)
	@{ head -1 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//'; } > .constraints.new
	@mv .constraints.new constraints.txt

formal:
	@$(MAKE) --no-print-directory -C theory/formal PYTHON=$(PYTHON) check

# Debian and Ubuntu; through sudo for who is not root.
formal-deps:
	$(SUDO) apt-get update -q
	$(SUDO) apt-get install -y -q --no-install-recommends coq libcoq-coquelicot libcoq-interval libzarith-ocaml-dev

DOCS_STAMP := $(VENV)/.installed-docs
SITE := build/docs/html

$(DOCS_STAMP): $(STAMP) pyproject.toml constraints.txt
	@$(PIP) install -c constraints.txt -e '.[docs]'
	@touch $@

# Builds without a network once the packages are installed; warnings are errors. Evidence, recorded outputs and pictures
# that are not of the present code end it: `make docs-record`, or ARMOR_DOCS_DRAFT=1 for a draft with a banner.
docs: $(DOCS_STAMP)
	@$(BIN)/codespell -D - -D docs/terms.txt docs README.md CHANGELOG.md
	@rm -rf $(SITE)
	@$(BIN)/python -m sphinx -q -W --keep-going -b html -d build/docs/doctrees docs $(SITE)
	@echo 'open $(SITE)/index.html'

pdf: $(DOCS_STAMP)
	@PYTHONPATH=docs $(BIN)/python -m companion.supplement build/docs/pdf

# Opens pages in headless Chromium at phone and desktop width, light and dark, and keeps the pictures.
docs-browser: docs
	@PYTHONPATH=docs $(BIN)/python -m companion.browser $(SITE) build/docs/screenshots

# Makes the committed pictures of real images again; needs CIFAR-10 in $$ARMOR_DATA.
docs-pictures: $(DOCS_STAMP)
	@PYTHONPATH=docs $(BIN)/python -m companion.images

# Makes everything anew that is recorded and not of the present code, or what ARGS names: evidence (the full matrix, after
# `make formal`), pictures, or a file of docs/recorded. What needs CIFAR-10 reads it from $$ARMOR_DATA.
docs-record: $(DOCS_STAMP)
	@PYTHONPATH=docs $(BIN)/python -m companion.record $(ARGS)

clean:
	rm -rf $(VENV) build/docs docs/generated .mypy_cache .ruff_cache .pytest_cache .hypothesis
