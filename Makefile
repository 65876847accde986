# The course from a terminal. It needs python3, 3.11 or newer, with venv; all else comes by uv from uv.lock.

UV  := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
RUN := $(UV) run --frozen

# Compile what is installed once, not at every start of a kernel.
export UV_COMPILE_BYTECODE ?= 1

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(UV)  ## train a first GAN: runs notebook 01 and names what came of it
	@$(RUN) gan-lab run notebooks/01_dcgan.ipynb

lab: $(UV)  ## open the notebooks in JupyterLab
	@$(RUN) jupyter lab notebooks

test: $(UV)  ## check everything: style, types, tests, and every cell of every notebook
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) pytest tests
	$(RUN) pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=1800 notebooks/*.ipynb

notebooks: $(UV)  ## refresh the notebooks from their sources, or one: make notebooks NB=01_dcgan
	@$(RUN) python -m gan_lab.runner.refresh notebooks/source/$(or $(NB),*).py

bench: $(UV)  ## measure training steps against a textbook's and the machine's limit: make bench ARGS="--systems B1"
	@$(RUN) python -m bench.steps $(ARGS)

clean:  ## remove the environment and the caches; your runs stay
	rm -rf .venv .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.uv/bin/uv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gan-lab needs python3, 3.11 or newer; here is: $$(python3 --version 2>&1)" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "python3 lacks its venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	python3 -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv

.PHONY: help run lab test notebooks bench clean
