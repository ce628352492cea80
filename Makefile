# meterd: build, demo, test. Everything lives in .venv; nothing is installed on the machine.
PYTHON ?= python3
DURATION ?=
VENV = .venv/bin
SHELL = /bin/bash

.PHONY: build extensions demo docs test lint cases soak bench scale fuzz manual release clean

build: .build-venv extensions

# One plain line for whatever the machine lacks, instead of a compiler's page of errors.
.build-venv: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "meterd needs Python 3.11 or newer: apt install python3 python3-dev python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "meterd needs Python 3.11 or newer; $$($(PYTHON) -V) was found" >&2; exit 1; }
	@command -v $${CC:-gcc} >/dev/null || { echo "meterd needs a C compiler: apt install gcc libc6-dev" >&2; exit 1; }
	@$(PYTHON) -c 'import os, sysconfig, sys; sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")))' || { echo "meterd needs the Python headers: apt install python3-dev" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "meterd needs Python's venv module: apt install python3-venv" >&2; exit 1; }
	@test -x $(VENV)/python || $(PYTHON) -m venv .venv
	@$(VENV)/python -m pip install --quiet --disable-pip-version-check "setuptools>=77" wheel "Cython>=3.1"
	@PYTHONWARNINGS=ignore $(VENV)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --config-settings editable_mode=compat --editable '.[security,mqtt,metrics]'
	@touch $@

# Only what changed is compiled again; the lock lets two makes run side by side.
extensions: .build-venv
	@mkdir -p build && flock build/.lock $(VENV)/python setup.py --quiet build_ext --inplace

.build-test: .build-venv
	@PYTHONWARNINGS=ignore $(VENV)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --config-settings editable_mode=compat --editable '.[test,lint]'
	@touch $@

demo: build
	@$(VENV)/meterd demo $(if $(DURATION),--duration $(DURATION))

# The documentation as a site: build/docs/index.html.
docs: build
	@$(VENV)/python -m pip install --quiet --disable-pip-version-check 'mkdocs>=1.6' 'mkdocs-material>=9.5'
	@NO_MKDOCS_2_WARNING=1 $(VENV)/mkdocs build --strict --quiet
	@echo "build/docs/index.html"

test: build .build-test
	$(VENV)/python -m pytest -n 4

lint: build .build-test
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	PATH=$(CURDIR)/$(VENV):$$PATH cython-lint meterd
	$(VENV)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/check-jsonschema --quiet --builtin-schema vendor.compose-spec packaging/docker/*.yaml
	$(VENV)/zizmor --offline --quiet .github/workflows

soak: build .build-test
	nice -n 10 $(VENV)/python -m tests.soak
	nice -n 10 $(VENV)/python -m tests.soak.hostile
	nice -n 10 $(VENV)/python -m tests.soak.store_damage
	nice -n 10 $(VENV)/python -m tests.soak.store_power_cut
	nice -n 10 $(VENV)/python -m tests.soak.delivery
	nice -n 10 $(VENV)/python -m tests.soak.delivery --tls
	nice -n 10 $(VENV)/python -m tests.fuzz --runs 10000000 --target push_apdu --target push_profile --target dlms_push --target p1

# What was once broken from outside, where it lies beside the project.
cases: build .build-test
	$(VENV)/python -m tools.cases

bench: build .build-test
	$(VENV)/python -m benchmarks

# What grows with the meters, at 10 to 10,000 of them: a table, and a chart for docs/figures.md.
scale: build .build-test
	$(VENV)/python -m benchmarks.growth --svg docs/growth.svg

fuzz: build .build-test
	$(VENV)/python -m tests.fuzz

# The man page and the completions, from the option tables.
manual: build
	$(VENV)/python -m tools.manual

# The sdist and a wheel made from it, in build/release, and the proof that they stand by themselves.
release: build
	$(VENV)/python -m tools.release

clean:
	rm -rf .venv build dist *.egg-info .build-*
	find meterd -name '*.so' -delete

# ---- the gateway: packages for OpenWrt, and the proof that they work without the hardware.
# A cross compiler and a Python of each machine are made once and kept under ~/.cache/meterd-gateway.
# Its byte code runs on one version of Python, whatever PYTHON made the virtual environment: 3.11 is OpenWrt 24.10's.
ARCH ?= mips_24kc
export GATEWAY_PYTHON ?= 3.11

.PHONY: ipk feed gateway able

# What is missing for the machine is said in one line before anything is built.
able:
	@$(PYTHON) -m tools.gateway.build.toolchain --able $(ARCH)

# Packages of one machine, as a feed that opkg can install from: dist/$(ARCH). FEED_KEY=FILE, a secret key of usign,
# signs it.
ipk: able build
	$(VENV)/python -m tools.gateway.package.packages $(ARCH)
	$(VENV)/python -m tools.gateway.prove.sizes $(ARCH)

# The same for every machine.
feed: build
	$(VENV)/python -m tools.gateway.package.packages

# Checked, installed, started, read from, on every machine; unit tests on foreign Pythons; instructions and memory.
# Every part is run, whatever became of those before, and says how long it took; in the end what failed is named.
gateway: build .build-test
	@failed=; part() { local begun=$$SECONDS result=passed; echo "== $$*"; "$$@" || { result=failed; failed="$$failed $$3"; }; \
		echo "== $$3 $$result after $$((SECONDS - begun)) s"; }; \
	part $(VENV)/python -m tools.gateway.build.toolchain; \
	export METERD_GATEWAY=all; part $(VENV)/python -m pytest tests/gateway -p no:cacheprovider -rs -n auto --dist worksteal; \
	for room in package.packages prove.sizes prove.foreign prove.instructions prove.memory; do part $(VENV)/python -m tools.gateway.$$room; done; \
	export GATEWAY_PYTHON=3.14; part $(VENV)/python -m tools.gateway.package.packages x86_64; \
	part $(VENV)/python -m tools.gateway.prove.memory amd64-3.14; \
	echo "== all of it: $$SECONDS s"; test -z "$$failed" || { echo "failed:$$failed" >&2; exit 1; }
