# Two commands do everything: `make run` and `make test`. Both set up what they need first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test test-browser test-faults bench real-faces site slides lint setup chromium system-libraries

run: setup  ## the whole series on the drawn cohort: figures/phantom/table_1.md
	$(BIN)/palsy run --cohort data/phantom --profile phantom

test: setup  ## every test
	$(BIN)/python -m pytest

test-browser: setup chromium  ## the tests that open pages in a browser
	$(BIN)/pip install --quiet --editable '.[browser]'
	$(BIN)/python -m pytest -m browser

test-faults: setup  ## runs that are killed, starved and damaged; thousands of hostile files
	$(BIN)/python -m pytest tests/faults -m 'faults or not faults'

bench: setup  ## speed as ratios, and cost as the work grows; on an idle machine
	$(BIN)/python tests/benchmarks/speed.py
	$(BIN)/python tests/benchmarks/growth.py

real-faces: setup  ## scores on photographs that are not part of this project; an hour
	$(BIN)/python tests/benchmarks/real_faces.py

site: setup  ## after `make run`: the executed notebooks as a web site, site/index.html
	$(BIN)/palsy site site

slides: setup  ## after `make run`: the lecture's slides, site/slides/index.html
	$(BIN)/palsy slides site

lint: setup  ## style, and notebooks without outputs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/nbstripout --verify notebooks/*.ipynb

setup: system-libraries $(VENV)/installed

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[test]'
	touch $@

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
