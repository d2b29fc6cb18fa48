# make book [PROFILE=small] | make test | make check | make notebooks [CHAPTERS=book/01_one_formula.py] | make slurm | make bench | make grid | make first
PYTHON ?= python3
PROFILE ?= smoke
JOBS ?= 2
VENV ?= .venv
CHAPTERS ?= $(sort $(wildcard book/[0-9][0-9]_*.py))
# A path may have a space in it: quoted in a command, escaped in a target.
BIN = $(if $(filter /%,$(VENV)),$(VENV),$(CURDIR)/$(VENV))/bin
SPACE := $() $()
READY = $(subst $(SPACE),\ ,$(VENV))/.ready
# One thread a process: at these sizes two processes use two cores better than one with two.
export OMP_NUM_THREADS = 1
export PATH := $(BIN):$(PATH)

.PHONY: book html test check slurm bench grid first play notebooks address clean

book: $(READY)
	python book/_tools/execute.py --into _build/source --profile $(PROFILE) --jobs $(JOBS) $(CHAPTERS)
	$(MAKE) --no-print-directory html

# The pages alone, from the notebooks of the last `make book`.
html: $(READY)
	python book/_tools/render.py _build

test: check book
	python -m pytest tests $(CHAPTERS:.py=.ipynb) --nbval-lax -n $(JOBS) --dist loadscope

check: $(READY)
	ruff format --check iai tools tests book benchmarks
	ruff check iai tools tests book benchmarks
	mypy
	lint-imports

# The tests against a real Slurm, which they start on this machine: as root, with Debian's slurm-wlm and munge.
slurm: $(READY)
	IAI_SLURM=1 python -m pytest tests/slurm

# What a step costs beside a floor and beside other libraries, one thread, on a machine that does nothing else.
bench: $(READY)
	python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements.txt
	mkdir -p _build book/results/bench
	python -m pytest benchmarks --benchmark-disable-gc --benchmark-columns=median --benchmark-json=_build/bench.json
	python benchmarks/ratios.py _build/bench.json book/results/bench/cpu.json

# One pass over N points against k passes over N / k, cell by cell; run it again to go on.
grid: $(READY)
	python -m pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements.txt
	python benchmarks/grid.py book/results/bench/passes-cpu.json

# Trainings of the first ledger, with code of that time, and today's in turn; it needs the git history.
first: $(READY)
	python benchmarks/first_ledger.py book/results/bench/first-times.json

# The weights of the page to play with, from checkpoints of `python -m iai run KEY --profile small --seed 0 --again`.
play: $(READY)
	python -m iai.study.book.play

# Refresh what is committed of the ledger: every chapter as it stands, the front page's figure, the README's table.
notebooks: $(READY)
	python book/_tools/execute.py --into . --jobs $(JOBS) $(CHAPTERS)
	python book/_tools/headline.py

# make address REPOSITORY=https://github.com/somebody/iai: where the project is published.
address: $(READY)
	python book/_tools/address.py $(REPOSITORY)

$(READY): requirements.txt pyproject.toml
	"$(PYTHON)" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("iai needs Python 3.11 or newer: make PYTHON=python3.12 ...")'
	test -x "$(BIN)/python" || "$(PYTHON)" -m venv "$(VENV)"
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt
	"$(BIN)/python" -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch "$(VENV)/.ready"

clean:
	rm -rf _build
