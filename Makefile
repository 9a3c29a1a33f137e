# Every target sets up what it needs: the virtual environment, the engine, the base image. See CONTRIBUTING.md.

SHELL := bash
PYTHON := .venv/bin/python
WORKERS ?= 2
SHELL_FILES = scripts/*.sh .ci/run tests/standins/private-dockerd tests/standins/with-driver tests/standins/nvidia-smi tests/standins/contract/*.sh stacks/*/container/*.sh

.DEFAULT_GOAL := help
.PHONY: help setup demo test gpu bench lint stacks pictures clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

setup:
	@scripts/setup-python.sh

demo: setup ## A running, SSH-reachable MindSpore container (CPU), checked over SSH
	@scripts/with-engine.sh scripts/demo.sh

test: setup ## The whole test suite, real engine included
	@scripts/install-test-tools.sh
	@scripts/install-judges.sh
	@scripts/with-engine.sh $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

gpu: setup ## On a host with NVIDIA's driver: hand its GPUs to containers, compute there, write docs/evidence-gpu.md
	@run="$(PYTHON) -m pytest tests/gpu -m gpu --evidence docs/evidence-gpu.md $(PYTEST_ARGS)"; \
	if scripts/with-engine.sh true; then scripts/with-engine.sh $$run; else $$run; fi

bench: setup ## Speed and size against the alternatives, side by side
	@scripts/with-engine.sh $(PYTHON) benchmarks/run.py $(BENCH_ARGS)

lint: setup ## What .ci/run checks before it tests
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/shellcheck --external-sources --source-path=SCRIPTDIR $(SHELL_FILES)
	$(PYTHON) -m yamllint --strict .
	$(PYTHON) -m composegen check --all
	$(PYTHON) scripts/write-stacks.py --check

pictures: setup ## Write docs/pictures/ anew: the README's commands on a real MindSpore container
	@scripts/with-engine.sh scripts/bootstrap-base.sh composegen-base:bookworm
	@scripts/with-engine.sh $(PYTHON) scripts/make-pictures.py

stacks: setup ## Write stacks/ anew, after a change of templates or catalogue
	@$(PYTHON) scripts/write-stacks.py

clean: ## Remove the demo's container and everything that can be made again; images and named volumes stay
	@if [ -e demo/compose.yaml ] && docker version >/dev/null 2>&1; then docker compose --project-directory demo down; fi
	rm -rf demo .venv .judges .mypy_cache .ruff_cache .pytest_cache .hypothesis dist benchmarks/.work
