# The course from a terminal. It needs python3, 3.11 or newer, with venv; all else comes by uv from uv.lock.

UV  := $(if $(shell command -v uv 2>/dev/null),uv,.uv/bin/uv)
OWN := $(filter .uv/bin/uv,$(UV))
RUN := $(UV) run --frozen

# `make cpu` leaves this mark: then the environment is taken as it is, and PyTorch is always the one for CPUs.
ifneq ($(wildcard .venv/cpu),)
export UV_NO_SYNC := 1
export UV_TORCH_BACKEND := cpu
endif

# Compile what is installed once, not at every start of a kernel.
export UV_COMPILE_BYTECODE ?= 1

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(OWN)  ## train a first GAN: runs notebook 01 and names what came of it
	@$(RUN) gan-lab run notebooks/01_dcgan.ipynb

lab: $(OWN)  ## open the notebooks in JupyterLab
	@$(RUN) jupyter lab notebooks

test: $(OWN)  ## check everything: style, types, tests, and every cell of every notebook
	$(RUN) ruff check
	$(RUN) ruff format --check
	$(RUN) mypy
	$(RUN) pytest tests
	$(RUN) pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=1800 notebooks/*.ipynb
	$(MAKE) lowest

# The kernel is Colab's. Left out is what takes long or tries our tools: pyproject.toml allows what the course needs.
lowest: $(OWN)  ## run the tests with the oldest packages that pyproject.toml allows
	$(UV) venv --quiet --clear --python 3.11 .uv/lowest
	printf 'ipykernel==6.17.*\nipython==7.34.*\nipywidgets==7.7.*\n' > .uv/lowest/colab.txt
	$(UV) pip install --quiet --python .uv/lowest --resolution lowest-direct --override .uv/lowest/colab.txt -e '.[test]'
	.uv/lowest/bin/python -m pytest -W ignore::DeprecationWarning -k 'not smoke_run and not leaves_its_picture and not comes_to_its_end' tests \
	  $(addprefix --ignore=tests/,test_bench.py test_bench_quality.py test_conftest.py test_memory.py test_reliability.py test_several_processes.py \
	    networks/test_keras_parity.py docs/test_contrast.py docs/test_draw_page.py docs/test_site.py docs/test_system_pages.py runner/test_grade.py runner/test_sweep.py runner/test_exercise_in_the_browser.py show/test_in_the_browser.py)

cpu: $(OWN)  ## set up with PyTorch for CPUs only: on Linux 0.6 GB to download, not 3.4
	$(UV) venv --quiet --clear
	$(UV) export --quiet --frozen --no-hashes --no-emit-project --output-file .venv/locked.txt
	$(UV) pip install --python .venv --torch-backend cpu --constraint .venv/locked.txt -e '.[test]'
	touch .venv/cpu

notebooks: $(OWN)  ## refresh the notebooks from their sources, or one: make notebooks NB=01_dcgan
	@$(RUN) python -m gan_lab.runner.refresh notebooks/source/$(or $(NB),*).py

bench: $(OWN)  ## measure training steps against a textbook's and the machine's limit: make bench ARGS="--systems B1"
	@$(RUN) python -m bench.steps $(ARGS)

site: $(OWN)  ## build the course as a site into .site/html
	@$(RUN) python docs/build_site.py

catalogues: $(OWN)  ## write the site's text for translators into .site/catalogues, a .pot file for each page
	@$(RUN) python docs/build_site.py gettext

clean:  ## remove the environment and the caches; your runs stay
	rm -rf .venv .uv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.uv/bin/uv:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gan-lab needs python3, 3.11 or newer; here is: $$(python3 --version 2>&1)" >&2; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "python3 lacks its venv module; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	python3 -m venv .uv
	.uv/bin/python -m pip install --quiet --disable-pip-version-check uv

.PHONY: help run lab test lowest cpu notebooks bench site catalogues clean
