# One line a target; what is longer is in dev/, which needs Python 3.11 or newer and nothing else.

PYTHON ?= python3
# Expanded when a recipe uses it, so that `make help` needs no Python.
dev = $(if $(shell command -v $(PYTHON) 2>/dev/null),$(PYTHON) -m dev,$(error \
	$(PYTHON) is missing: install Python 3.11 or newer, on Debian with "apt-get install python3"))

.PHONY: help run run-image run-host image image-size bom lock test faults preload scale fuzz metrics attack \
	bench readme lint publish publish-plan publish-push publish-tag publish-release release-notes clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: ## serve on http://localhost:8080, as the image where that is possible, else on this host
	@$(dev).run auto

run-image: ## the same, as the image
	@$(dev).run image

run-host: ## the same, on this host; APP_DIR=~/hello serves yours, LISTEN_PORT=9000 takes that port
	@$(dev).run host

image: ## build the image nginx-python3
	@$(dev).image

image-size: ## weigh the image, and fail if what is ours is too much; IMAGE=... for one that is there
	@$(dev).size $(IMAGE)

bom: ## print a bill of materials (CycloneDX) of the Python packages in the image; IMAGE=... likewise
	@$(dev).bom $(IMAGE)

lock: ## pin what requirements.in asks for, with hashes for all platforms; UPGRADE=1 takes the newest
	@$(dev).lock

test: ## run all checks, those of the image too where a Docker engine answers; IMAGE=... for that one alone
	@$(dev).test

faults: ## count the requests that each fault costs, under load; takes half an hour
	@$(dev).measure faults

preload: ## measure what sharing the import saves, and what a reload takes; takes twenty minutes
	@$(dev).measure preload

scale: ## count what several replicas lose and carry, on one host and in a swarm; takes 20 minutes
	@$(dev).measure scale

metrics: ## hold the metrics against what was done, and draw the dashboard; takes ten minutes
	@$(dev).measure metrics

fuzz: ## search for a list that is read or enforced wrongly, and for JSON that is none, for a minute
	@$(dev).measure fuzz

attack: ## send 100,000 random requests, to find a client that is taken for another; takes ten minutes
	@$(dev).measure attack

bench: ## compare with other stacks, under load; takes ten minutes and writes benchmarks/README.md
	@$(dev).measure bench

readme: ## make README.md's table of settings from the settings
	@$(dev).readme

lint: ## run all checks that read and do not run: code, Dockerfile, nginx, workflows, links, lock
	@$(dev).lint

publish: ## build, push to REPOSITORY=..., test and tag the newest release, for this architecture alone
	@$(dev).delivery all

# The steps of .github/workflows/publish.yml; the first prints what the others are told.
publish-plan:
	@$(dev).delivery plan

publish-push:
	@$(dev).delivery push

publish-tag:
	@$(dev).delivery tag

publish-release:
	@$(dev).delivery release

release-notes: ## print what CHANGELOG.md says about this version
	@$(dev).delivery notes

clean: ## remove what the other targets made, but for images
	rm -rf .venv .venv-app .venv.lock run .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
