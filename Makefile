# Two commands matter: `make demo` and `make test`. Each sets up what it needs; a second call installs nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
DEMO := build/demo
# One process on this machine, said in words that keep accelerate from warning about its defaults.
LAUNCH := $(BIN)/accelerate launch --num_processes 1 --num_machines 1 --mixed_precision no --dynamo_backend no
# How much data the demo makes; how long it trains is in trl_recipes/configs/*_tiny.yaml.
SCENES ?= 340
# What a tiny model can begin to learn in minutes: rules of five tasks, in few words each.
TASKS := vsi.object_count vsi.object_size size.of_marked vsi.absolute_distance image.distance_of_boxed \
	image.depth_of_point image.depth_of_object vsi.room_size
WORDINGS := 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-all lint docs ablation bench clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## create .venv with everything in it

$(INSTALLED): setup.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --progress-bar on --editable '.[all]'
	touch $@

demo: $(INSTALLED)  ## render, ask, train, evaluate, publish: build/demo/report.html
	rm -rf $(DEMO)
	$(BIN)/python -m dataset_builders build --source synthetic --output $(DEMO)/dataset \
		--tasks $(TASKS) --max-wordings $(WORDINGS) --num-scenes $(SCENES) --max-per-scene 20 --num-frames 4 --frame-size 224x168 --num-proc 2 --seed 0
	$(LAUNCH) trl_recipes/sft.py --config trl_recipes/configs/sft_tiny.yaml \
		--dataset $(DEMO)/dataset --output_dir $(DEMO)/sft
	$(LAUNCH) trl_recipes/grpo.py --config trl_recipes/configs/grpo_tiny.yaml \
		--dataset $(DEMO)/dataset --model_name_or_path $(DEMO)/sft --output_dir $(DEMO)/model
	$(BIN)/python -m evaluate_metrics run --model $(DEMO)/model --dataset $(DEMO)/dataset --split test \
		--output $(DEMO)/results --num-frames 2 --batch-size 64 --max-new-tokens 48
	$(BIN)/python -m hub_cards dataset $(DEMO)/dataset
	$(BIN)/python -m hub_cards model $(DEMO)/model --results $(DEMO)/results --dataset $(DEMO)/dataset
	$(BIN)/python -m hub_cards report --dataset $(DEMO)/dataset --model $(DEMO)/model --results $(DEMO)/results \
		--output $(DEMO)/report.html

lint: $(INSTALLED)  ## ruff, check only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

test: lint  ## lint, tests and doctests
	$(BIN)/pytest -n 2 -m "not slow"

test-all: lint  ## test, and the slow end-to-end runs
	$(BIN)/pytest -n 2

docs: $(INSTALLED)  ## the documentation as pages: build/site
	$(BIN)/mkdocs build --strict

ablation: $(INSTALLED)  ## what each part of the system gains, with a tiny model; QUICK=--quick for a look
	$(BIN)/python benchmarks/ablation.py $(QUICK)

bench: $(INSTALLED)  ## measure; writes benchmarks/*.json
	$(BIN)/python benchmarks/render.py
	$(BIN)/python benchmarks/demo.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/model.py
	$(BIN)/python benchmarks/processor.py
	$(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/evaluation_runner.py
	$(BIN)/python benchmarks/rewards.py
	$(BIN)/python benchmarks/packing.py
	$(BIN)/python benchmarks/grpo.py
	$(BIN)/python benchmarks/training.py

clean:  ## remove what was built, keep .venv
	rm -rf build
