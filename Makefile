# Two commands do everything: `make run` and `make test`. Both set up what they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTED := tests/constraints.txt
PAGES := data/phantom/runs/pages

# Installs the project with the extras of the first argument, in the versions that were tested; where
# a platform lacks one of them, in those that it has.
install = $(BIN)/python -m pip install --quiet --constraint $(TESTED) --editable '.[$(1)]' 2>/dev/null || \
  { echo "$(TESTED) cannot be followed here: installing other versions than the tested ones."; \
  $(BIN)/python -m pip install --quiet --editable '.[$(1)]'; }

.PHONY: run test test-all test-slow test-shared test-browser test-faults bench ablation real-faces site zip \
  slides picture tables lint constraints setup sphinx playwright unmoved chromium system-libraries

run: setup  ## the whole series on the synthetic cohort: figures/phantom/table_1.md
	$(BIN)/palsy run --cohort data/phantom --profile phantom

test: setup  ## every test, several at a time
	$(BIN)/python -m pytest -n auto --maxprocesses 4

test-all: setup sphinx playwright chromium  ## all but the long form of tests/faults
	$(BIN)/python -m pytest -m 'not faults'

test-slow: setup  ## what takes a minute or more, or is told twice, and needs no further data
	$(BIN)/python -m pytest -m 'slow and not shared and not faults'

test-shared: setup sphinx playwright chromium  ## only those that need the data of PALSY_TEST_DATA
	$(BIN)/python -m pytest -m 'shared and not faults'

test-browser: setup sphinx playwright chromium  ## the tests that open pages in a browser
	$(BIN)/python -m pytest -m browser

test-faults: setup  ## runs that are killed, starved and damaged; thousands of hostile files
	$(BIN)/python -m pytest tests/faults -m 'faults or not faults'

bench: setup  ## speed as ratios, and cost as the work grows; on an idle machine
	$(BIN)/python tests/benchmarks/speed.py
	$(BIN)/python tests/benchmarks/growth.py
	-$(BIN)/python tests/benchmarks/gpu.py

ablation: setup  ## what helps on the synthetic faces: inputs, recipe, out-of-fold features; minutes
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/ablation.py

real-faces: setup  ## scores on photographs that are not part of this project; two hours beside other work
	PYTHONPATH=tests $(BIN)/python tests/benchmarks/real_faces.py

site: slides sphinx  ## after `make run`: the executed notebooks as a web site, site/index.html
	$(BIN)/python notebooks/pages/execute.py
	$(BIN)/sphinx-build -qE -c notebooks/pages -d $(PAGES)/doctrees . site
	cp site/README.html site/index.html

zip: site  ## the site and the slides in one file to hand around, site.zip
	$(BIN)/python -m zipfile -c site.zip site

slides: setup  ## after `make run`: the lecture's slides, site/slides/index.html
	$(BIN)/python notebooks/pages/slides.py site/slides

picture: setup  ## after `make run`: the moving picture of the README, figures/phantom/face.gif
	$(BIN)/python notebooks/pages/animation.py

tables: setup  ## the tables of the READMEs, from the committed results
	$(BIN)/python notebooks/pages/tables.py

lint: setup  ## style, types, and notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/nbstripout --verify notebooks/*.ipynb

# On Linux, for its CUDA packages, and with Python 3.11, so that all later ones may follow. MediaPipe
# sends usage metrics to its maker from 0.10.35 on.
constraints:  ## the versions that the package index has today become the tested ones
	rm -rf $(VENV)/new && $(PYTHON) -m venv $(VENV)/new
	$(VENV)/new/bin/pip install --quiet --editable '.[test,browser,site]' 'mediapipe<0.10.35'
	$(VENV)/new/bin/pip freeze --all --exclude pip --exclude-editable > $(TESTED)
	rm -rf $(VENV)/new

setup: system-libraries $(VENV)/installed

$(VENV)/installed: pyproject.toml $(TESTED) | unmoved
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@$(call install,test)
	echo "$(CURDIR)" > $@

unmoved:
	@[ ! -s $(VENV)/installed ] || grep -qxF "$(CURDIR)" $(VENV)/installed || { echo "This folder \
	was $$(cat $(VENV)/installed), and $(VENV) still leads there: delete $(VENV), then start again."; \
	  exit 1; }

sphinx: setup
	@$(BIN)/python -c 'import furo, myst_nb' 2>/dev/null || $(call install,site)

playwright: setup
	@$(BIN)/python -c 'import playwright' 2>/dev/null || $(call install,browser)

# OpenCV and MediaPipe load these on Linux, and a slim image lacks them.
system-libraries:
	@if [ "$$(uname)" != Linux ] || $(PYTHON) -c 'import ctypes; \
	  [ctypes.CDLL(name) for name in ("libGL.so.1", "libEGL.so.1", "libGLESv2.so.2")]' 2>/dev/null; \
	then :; elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update -qq && apt-get install -y -qq libgl1 libegl1 libgles2 >/dev/null; \
	else echo "libGL, libEGL or libGLESv2 is missing: sudo apt-get install libgl1 libegl1 libgles2"; \
	  exit 1; fi

chromium:
	@if command -v chromium || command -v chromium-browser; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; \
	then apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	else echo "chromium is missing: sudo apt-get install chromium"; exit 1; fi
