# The commands of the project. They need Python >= 3.11 with venv, a C++17 compiler and
# make; everything else goes into .venv, and only again when what it is made from changed.

PYTHON ?= python3
ARGS   =

VENV   = .venv
BIN    = $(VENV)/bin
PIP    = $(BIN)/python -m pip --quiet --disable-pip-version-check
ENGINE = $(wildcard mpsolve/_engine/*.cpp mpsolve/_engine/*.hpp \
                    mpsolve/_engine/*/*.cpp mpsolve/_engine/*/*.hpp)
CXX_TESTS = $(wildcard tests/*/*.cpp tests/*/*.hpp)

.PHONY: help demo test test-hosts coverage lint format sanitize sensitivity race \
  bench-paper notebooks wheel-test clean

help:  ## this list (ARGS=... goes to the demo, pytest or the race)
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | awk -F'|' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: $(VENV)/.ilp  ## solve a real network's problem and print what came of it
	@$(BIN)/mpsolve demo $(ARGS)

test: $(VENV)/.test  ## run all tests, doctests of the package included
	@$(BIN)/python -m pytest $(ARGS)

test-hosts: $(VENV)/.hosts-llm $(VENV)/.hosts-cnn  ## run the quantizers that mpsolve plugs into (slow, several GB)
	@GPTQMODEL_CPU_WORKERS=2 MPSOLVE_REQUIRE_HOSTS=torch,transformers,nvidia-modelopt,nncf,auto-round,torchao,gptqmodel,compressed-tensors,llmcompressor,accelerate,neural-compressor,gguf,mlx-lm,olive-ai,exllamav3 \
	  $(VENV)/hosts-llm/bin/python -m pytest tests/hosts -k "not toolkit and not mct" $(ARGS)
	@MPSOLVE_REQUIRE_HOSTS=model-compression-toolkit \
	  $(VENV)/hosts-cnn/bin/python -m pytest tests/hosts/test_compared.py -k "toolkit or mct" $(ARGS)

coverage: $(VENV)/.test  ## run the tests and print the lines they never reach
	@$(BIN)/python -m coverage run -m pytest $(ARGS)
	@$(BIN)/python -m coverage report

lint: $(VENV)/.lint  ## check style, types, import directions, C++ format and spelling
	@echo "==> ruff check";   $(BIN)/ruff check
	@echo "==> ruff format";  $(BIN)/ruff format --check
	@echo "==> mypy";         $(BIN)/mypy
	@echo "==> import-linter"; $(BIN)/lint-imports --no-logo
	@echo "==> clang-format"; $(BIN)/clang-format --dry-run -Werror $(ENGINE) $(CXX_TESTS)
	@echo "==> codespell";    $(BIN)/codespell

format: $(VENV)/.lint  ## let ruff and clang-format rewrite what they can
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format
	@$(BIN)/clang-format -i $(ENGINE) $(CXX_TESTS)

sanitize: $(VENV)/.build  ## run the engine's C++ tests with address and undefined-behaviour checks
	@echo "==> building the engine's tests with sanitizers"
	@PATH="$(CURDIR)/$(BIN):$$PATH" cmake -S . -B build/sanitize -G Ninja \
	  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g" \
	  -DMPSOLVE_ENGINE_TESTS=ON -DMPSOLVE_EXTENSION=OFF \
	  -DMPSOLVE_SANITIZE=ON -DMPSOLVE_WERROR=ON >$(VENV)/cmake.log \
	  || { cat $(VENV)/cmake.log; exit 1; }
	@PATH="$(CURDIR)/$(BIN):$$PATH" cmake --build build/sanitize
	@$(BIN)/ctest --test-dir build/sanitize --output-on-failure --no-tests=error $(ARGS)

sensitivity: $(VENV)/.test  ## measure what calibration costs, and how well it predicts (needs ../shared)
	@$(BIN)/python -m benchmarks.sensitivity $(ARGS)

race: $(VENV)/.test  ## race the solvers against each other
	@$(BIN)/python -m benchmarks.race $(ARGS)

bench-paper: $(VENV)/.test  ## the papers' comparison: make bench-paper ARGS=noise (or datatypes, budgets, signed, stability)
	@$(BIN)/python -m benchmarks.paper $(ARGS)

notebooks: $(VENV)/.test  ## execute the notebooks in place, or those of ARGS="front resnet"
	@$(BIN)/python -m notebooks.execute $(ARGS)

wheel-test:  ## build the wheel, install it elsewhere, and run the tests against it
	@$(PYTHON) .ci/wheel_test.py $(ARGS)

clean:  ## remove everything that the other commands made
	rm -rf $(VENV) build dist .coverage .hypothesis .import_linter_cache \
	  .mypy_cache .pytest_cache .ruff_cache
	find mpsolve tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# What the commands above need, each remembered by a file in .venv.

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "mpsolve needs Python 3.11 or newer; " + sys.executable + " is " + sys.version.split()[0] + ". Give another one: make PYTHON=python3.12")'
	@echo "==> creating $(VENV) with $(PYTHON)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# What the package is built with; a machine need not have CMake or Ninja.
$(VENV)/.build: $(VENV)/.created pyproject.toml
	@echo "==> installing the build tools"
	@$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], "cmake>=3.26", "ninja", sep="\n")' >$(VENV)/build.txt
	@$(PIP) install --requirement $(VENV)/build.txt
	@touch $@

# Editable, so that the sources here find the compiled engine; built with the tools above
# and in a folder that stays, so that only what changed is compiled again.
$(VENV)/.engine: $(VENV)/.build CMakeLists.txt $(ENGINE)
	@echo "==> building the engine and installing mpsolve"
	@$(PIP) install --no-build-isolation --config-settings=build-dir=build/engine --editable .
	@touch $@

# mpsolve itself is there already: these add only what its extras ask for.
$(VENV)/.ilp: $(VENV)/.engine
	@echo "==> installing the extra ilp"
	@$(PIP) install "mpsolve[ilp]"
	@touch $@

$(VENV)/.test: $(VENV)/.engine
	@echo "==> installing the extra test"
	@$(PIP) install "mpsolve[test]"
	@touch $@

# The quantizers want versions of their own: an environment for each file, which sees
# the checkout and the engine that was built above.
$(VENV)/.hosts-%: requirements/hosts-%.txt $(VENV)/.engine
	@echo "==> installing $<"
	@$(PYTHON) -m venv $(VENV)/hosts-$*
	@$(VENV)/hosts-$*/bin/python -m pip install --quiet --disable-pip-version-check \
	  --requirement $< \
	  "pytest>=9.0" "hypothesis>=6.135" "pulp>=3.3.2,<4"
	@$(VENV)/hosts-$*/bin/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.lint: $(VENV)/.engine
	@echo "==> installing the extra lint"
	@$(PIP) install "mpsolve[lint]"
	@touch $@
