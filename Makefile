# Ngọc Linh: `make` or `make help` lists the targets. Everything lives in .venv of this folder.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.ngoclinh-stamp
MODELS := .venv-models/bin
MODELS_STAMP := .venv-models/.ngoclinh-stamp
WEB := services/gateway/web
PAGES := $(WEB)/dist/index.html

.DEFAULT_GOAL := help
.PHONY: help setup web up demo test test-cluster test-faults test-models test-bundle check format bench docs model lock bundle images k8s-check e2e-images e2e-k8s clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv and install everything into it

$(STAMP): pyproject.toml hatch_build.py $(shell find protos -name '*.proto')
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Cần Python 3.11 trở lên: make PYTHON=python3.12 / Python 3.11 or newer is needed"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@

web: $(PAGES) ## build the dashboard (Node is installed into .venv where the machine has none)

$(PAGES): $(STAMP) services/gateway/frontend.py services/gateway/typescript.py $(wildcard $(WEB)/*.json $(WEB)/*.ts $(WEB)/index.html) $(shell find $(WEB)/src $(WEB)/public -type f -not -name messages.ts)
	$(BIN)/python -m services.gateway.frontend
	@touch $@

up: setup web ## run everything, embedded, at http://127.0.0.1:8080
	$(BIN)/ngoclinh up

demo: setup web ## run everything over local sample data at http://127.0.0.1:8080
	$(BIN)/ngoclinh demo

# The browser's driver keeps an event loop running in its process, where asynchronous tests cannot run: a run of its own.
test: setup web ## run the tests that need package registries only
	$(BIN)/python -m pytest --ignore tests/browser -m "not cluster and not models and not kubernetes and not e2e and not bundle"
	$(BIN)/python -m pytest tests/browser -m "not cluster" -n 0

test-cluster: setup web ## run the tests against real NATS, PostgreSQL with PostGIS and Elasticsearch, which they start and stop
	$(BIN)/python -m pytest --ignore tests/browser -m cluster -n 2 -rs --tb=native
	$(BIN)/python -m pytest tests/browser -m cluster -n 0 -rs

test-faults: setup ## kill every process 220 times and the power 50 times under each store (root), fill disks, stop processes, cut the network
	NGOCLINH_FAULT_ROUNDS=50 NGOCLINH_FAULT_KILLS=80 $(BIN)/python -m pytest tests/faults -n 0 -s -rs
	NGOCLINH_FAULT_ROUNDS=20 $(BIN)/python -m pytest tests/cluster/test_faults.py -n 0 -s -rs

# A virtual environment of its own: torch brings packages of CUDA with it, about 6 GB.
test-models: $(MODELS_STAMP) ## run the tests of PhoBERT that need torch and RDRSegmenter (installs 6 GB into .venv-models)
	$(MODELS)/python -m pytest tests/services/sentiment tests/contracts/test_classifier_phobert.py -m models -n 0

$(MODELS_STAMP): pyproject.toml hatch_build.py $(shell find protos -name '*.proto')
	@test -x $(MODELS)/python || $(PYTHON) -m venv .venv-models
	$(MODELS)/python -m pip install -q --disable-pip-version-check -e '.[dev,export,pyvi]'
	$(MODELS)/python -m pip install -q --disable-pip-version-check --no-deps python-rdrsegmenter==0.1.1
	@touch $@

test-bundle: setup web ## install the bundles on bare systems without network, restore, update (root, mmdebstrap)
	$(BIN)/python -m pytest tests/bundle -m bundle -n 0 -p no:randomly -rs

check: setup ## lint, types, layers, protos, spelling, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint gen/ngoclinh/descriptors.binpb --config protos/buf.yaml --path ngoclinh
	$(BIN)/codespell
	$(BIN)/deptry .

format: setup ## format the code and sort imports
	$(BIN)/ruff check --fix -q .
	$(BIN)/ruff format -q .

bench: setup ## run every performance goal against its peer
	$(BIN)/python -m bench

docs: setup ## write the generated reference pages again
	$(BIN)/python -m services.reference

model: setup ## train the bundled baseline again from the data in the repository
	$(BIN)/python -m services.sentiment.train

k8s-check: setup .venv-checkov/bin/checkov .venv-sbom/ready ## look at the manifests without a cluster
	k8s/check

.venv-checkov/bin/checkov: # in an environment of its own: it wants an older packaging
	$(PYTHON) -m venv .venv-checkov
	.venv-checkov/bin/pip install -q --disable-pip-version-check 'checkov>=3.2,<4'

.venv-sbom/ready: # in an environment of its own: it lists what images hold
	$(PYTHON) -m venv .venv-sbom
	.venv-sbom/bin/pip install -q --disable-pip-version-check 'cyclonedx-python-lib[json-validation]>=11.12,<12'
	@touch $@

e2e-images: setup web ## build the images that e2e-k8s loads: ours, of a release before, of the stores
	k8s/build-images base phobert
	tests/e2e_k8s/build-images
	tests/e2e_k8s/build-previous

e2e-k8s: setup web ## run the product on the cluster of KUBECONFIG (NGOCLINH_LOAD_IMAGE loads an image archive into it)
	test -z "$$NGOCLINH_LOAD_IMAGE" || test -f build/images/elasticsearch.tar || $(MAKE) e2e-images
	$(BIN)/python -m pytest -n 0 -p no:randomly --timeout 3600 -m e2e -s tests/e2e_k8s

lock: setup ## write the locked versions of the images again
	$(BIN)/uv pip compile -q pyproject.toml --extra cluster --extra otel --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -o k8s/base.lock
	$(BIN)/uv pip compile -q pyproject.toml --extra cluster --extra otel --extra phobert --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 -o k8s/phobert.lock

bundle: setup web ## build the bundle that installs on one server without Internet (BUNDLE_PYTHON: for which Python)
	bundle/build

images: setup web ## build the container images without a registry of images (needs buildah, mmdebstrap)
	k8s/build-images base phobert

clean: ## remove what make made
	rm -rf .venv .venv-models .venv-checkov .venv-sbom gen $(WEB)/dist $(WEB)/node_modules dist build .mypy_cache .ruff_cache .pytest_cache
