# Kinspace's recipes. `make` lists them; CI runs the same ones, so a failure there can be repeated by hand.
# Nothing is needed but Python >= 3.11 and a C++20 compiler: each recipe makes its virtual environment if there is none
# and builds again only what changed (a .stamp file is newer than what it was made from).
.DEFAULT_GOAL := help
.PHONY: help demo test thorough test-core embedders lint format bench bench-full exact soak fuzz adapters docs dist clean

VENV    := .venv
PY      := $(VENV)/bin/python
PIP     := $(VENV)/bin/python -m pip --quiet --disable-pip-version-check
SOURCES := pyproject.toml CMakeLists.txt README.md LICENSE $(shell find core src -not -name '*.pyc' -not -name __pycache__ 2>/dev/null)
FUZZ_SECONDS := 60
SOAK    := # more arguments of tests/faults/long.py: --scale 0.1, --part strace
EXACT   := # more arguments of tests/exactness.py: --seed 2, --sets duplicates
CXX_SOURCES = $(shell find core -name '*.cpp' -o -name '*.hpp')

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/kinspace.stamp ## build Kinspace, store the standard library's docstrings in a folder, ask it questions
	@$(VENV)/bin/kinspace demo

test: $(VENV)/test.stamp ## the whole test suite and every docstring's example, on two processes
	$(PY) -m pytest -n 2 --doctest-modules --pyargs kinspace tests

thorough: $(VENV)/test.stamp ## the suite with every parameter and more rounds of what is left to chance
	KINSPACE_THOROUGH=1 $(PY) -m pytest -n 2 --doctest-modules --pyargs kinspace tests

test-core: $(VENV)/test.stamp build/sanitize/kinspace.stamp ## tests/core on a core built with ASan and UBSan (Linux, GCC)
	PYTHONPATH=build/sanitize/site PYTHONMALLOC=malloc \
	ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
	LD_PRELOAD="$$($${CXX:-c++} -print-file-name=libasan.so):$$($${CXX:-c++} -print-file-name=libstdc++.so)" \
	$(PY) -m pytest -p no:cacheprovider tests/core

lint: $(VENV)/lint.stamp $(VENV)/test.stamp ## ruff, mypy --strict, the import rule, clang-format, no half-done merge
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/clang-format --dry-run -Werror $(CXX_SOURCES)
	! grep -rnE '^(<<<<<<<|>>>>>>>) ' *.md docs src core tests benchmarks --include='*.*' --exclude-dir=_site

format: $(VENV)/lint.stamp ## put Python and C++ into the project's form
	$(PY) -m ruff check --fix --show-fixes .
	$(PY) -m ruff format .
	$(VENV)/bin/clang-format -i $(CXX_SOURCES)

embedders: ## embedders with the real MiniLM by PyTorch, in an environment of its own (some GB to download)
	@$(MAKE) --no-print-directory VENV=.venv-embedders .venv-embedders/embedders.stamp
	.venv-embedders/bin/python -m pytest tests/embed/test_sentence_transformers.py

bench: ## short forms of the comparisons with every peer, about six minutes
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/bench.stamp
	.venv-bench/bin/python -m benchmarks.overhead
	.venv-bench/bin/python -m benchmarks.flat --short
	.venv-bench/bin/python -m benchmarks.join --short
	.venv-bench/bin/python -m benchmarks.cookbook --short
	.venv-bench/bin/python -m benchmarks.load --short
	.venv-bench/bin/python -m benchmarks.indexed --short
	.venv-bench/bin/python -m benchmarks.dtypes --short
	.venv-bench/bin/python -m benchmarks.versions --short
	.venv-bench/bin/python -m benchmarks.text --short
	.venv-bench/bin/python -m benchmarks.retrieval
	.venv-bench/bin/python -m benchmarks.ranking --short
	.venv-bench/bin/python -m benchmarks.filters --short
	.venv-bench/bin/python -m benchmarks.compare --short
	.venv-bench/bin/python -m benchmarks.compare --short --filtered --set minilm
	.venv-bench/bin/python -m benchmarks.compare --short --growth

bench-full: ## all of them, with a million rows: hours, on a machine that does nothing else
	@$(MAKE) --no-print-directory VENV=.venv-bench .venv-bench/bench.stamp
	.venv-bench/bin/python -m benchmarks.overhead
	.venv-bench/bin/python -m benchmarks.flat
	.venv-bench/bin/python -m benchmarks.join
	.venv-bench/bin/python -m benchmarks.cookbook
	.venv-bench/bin/python -m benchmarks.load
	.venv-bench/bin/python -m benchmarks.million
	.venv-bench/bin/python -m benchmarks.indexed
	.venv-bench/bin/python -m benchmarks.dtypes
	.venv-bench/bin/python -m benchmarks.versions
	.venv-bench/bin/python -m benchmarks.text
	.venv-bench/bin/python -m benchmarks.retrieval
	.venv-bench/bin/python -m benchmarks.ranking
	.venv-bench/bin/python -m benchmarks.filters
	.venv-bench/bin/python -m benchmarks.compare --full
	.venv-bench/bin/python -m benchmarks.compare --full --in-turn --engine kinspace kinspace-m32 symphonyqg symphonyqg-8bit lorann hnswlib
	.venv-bench/bin/python -m benchmarks.compare --filtered
	.venv-bench/bin/python -m benchmarks.compare --growth --set minilm million

exact: $(VENV)/kinspace.stamp ## exact searches beside float64 brute force, 10,000 queries × 100,000 rows: ten minutes
	$(PY) tests/exactness.py $(EXACT)

soak: $(VENV)/kinspace.stamp ## kill -9 at 2,000 moments, fail each call of the system once, readers and writers for a minute: an hour
	@$(PY) tests/faults/long.py $(SOAK)

fuzz: $(VENV)/fuzz.stamp ## segment files, catalog rows and SQL predicates that atheris makes up, FUZZ_SECONDS=60 for each (Linux)
	$(PY) tests/fuzz/predicate.py --seconds $(FUZZ_SECONDS)
	$(PY) tests/fuzz/segment.py --seconds $(FUZZ_SECONDS)
	$(PY) tests/fuzz/catalog.py --seconds $(FUZZ_SECONDS)

adapters: ## Haystack's and LangChain's own tests of stores and filters, on a space (an environment of its own)
	@$(MAKE) --no-print-directory VENV=.venv-adapters .venv-adapters/adapters.stamp
	.venv-adapters/bin/python -m pytest -o filterwarnings=default -o asyncio_mode=auto tests/adapters

docs: $(VENV)/docs.stamp ## the documentation as HTML in docs/_site, the reference made from the docstrings
	$(PY) -m sphinx --fail-on-warning --keep-going -q -b html docs docs/_site
	@echo "docs/_site/index.html"

dist: $(VENV)/lint.stamp ## sdist and wheel in dist/; the sdist is then built and imported in an environment of its own
	rm -rf dist build/dist-check
	$(PY) -m build --outdir dist .
	$(PY) -m venv build/dist-check
	build/dist-check/bin/python -m pip install --quiet --disable-pip-version-check dist/*.tar.gz
	cd build/dist-check && bin/python -c "import kinspace; print('kinspace', kinspace.__version__, kinspace.simd())"

clean: ## remove every build, environment and cache
	rm -rf .venv .venv-bench .venv-adapters .venv-embedders build dist docs/_site kinspace-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# Environments. The build's own requirements are in the environment too, so that CMake's build folder stays valid from
# one build to the next; `pip install .` without this file fetches them from PyPI by itself.
$(VENV)/python.stamp:
	@python=$$(PYTHON="$(PYTHON)" .ci/find-python) && echo "making $(VENV) with $$python" && "$$python" -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/build.stamp: $(VENV)/python.stamp pyproject.toml
	@set -- $${CXX:-c++}; command -v "$$1" >/dev/null || { echo "Kinspace needs a C++20 compiler (Debian and Ubuntu: apt-get install g++; macOS: xcode-select --install; or name it: CXX=...)" >&2; exit 1; }
	@$(PIP) install --group build
	@touch $@

$(VENV)/kinspace.stamp: $(VENV)/build.stamp $(SOURCES)
	@echo "building Kinspace into $(VENV)"
	@$(PIP) install --no-build-isolation -C build-dir=build/$(VENV:.%=%) .
	@touch $@

$(VENV)/test.stamp $(VENV)/docs.stamp $(VENV)/bench.stamp $(VENV)/fuzz.stamp $(VENV)/adapters.stamp $(VENV)/embedders.stamp: $(VENV)/%.stamp: pyproject.toml | $(VENV)/kinspace.stamp
	@$(PIP) install --group $*
	@touch $@

$(VENV)/lint.stamp: $(VENV)/python.stamp pyproject.toml
	@$(PIP) install --group lint
	@touch $@

build/sanitize/kinspace.stamp: $(VENV)/build.stamp $(SOURCES)
	@echo "building Kinspace with ASan and UBSan"
	@$(PIP) install --no-build-isolation --no-deps --upgrade --target build/sanitize/site -C build-dir=build/sanitize/cmake \
	  -C cmake.build-type=RelWithDebInfo -C cmake.define.KINSPACE_SANITIZE=ON .
	@touch $@
