# The commands of this project. `make demo` and `make test` need Python >= 3.12, make and a package registry, nothing else.

UV_VERSION := 0.13.9
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin
READY := .venv/ready
MANAGE := $(BIN)/python manage.py
PORT ?= 8000
# More than there are cores on a small machine: many tests wait, for a server to start or a worker to be missed.
WORKERS ?= 3

# Some images turn compiled modules off. Then every server, worker and child that the tests start would compile each
# library anew: 5 s of a core instead of 1.5.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo run test check lint audit docs fuzz chaos bench coverage lock messages openapi clean

help: ## Show the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: $(READY) ## Collect articles from the built-in news site, live in terminal and browser
	@$(MANAGE) demo --port $(PORT)

run: $(READY) ## Serve without demo data
	@$(MANAGE) serve --port $(PORT)

test: $(READY) ## Run the tests (browser and Redis tests skip where those are not installed)
	@$(BIN)/python -m pytest -n $(WORKERS)

check: lint docs audit ## What CI runs: lint, types, contracts, deploy checks, migrations, secrets, documents, advisories, tests
	@$(BIN)/python -m pytest -n $(WORKERS)

coverage: $(READY) ## The tests with coverage of lines: a tenth longer
	@$(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term:skip-covered

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	HTTPS=true REDIS_URL=redis://127.0.0.1:6379 EMAIL_HOST=mail.example.com $(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) makemigrations --check --dry-run
	$(BIN)/python -m tools.secret_scan

audit: $(READY) ## Ask for advisories about the pinned packages
	@$(BIN)/python -m tools.audit

docs: $(READY) ## Build the site of the documentation into .data/site; a link that leads nowhere fails
	@$(BIN)/python -m mkdocs build --strict
	@echo "Built: .data/site/index.html. To search in it: $(BIN)/python -m http.server --directory .data/site"

fuzz: $(READY) ## Ask the API 10,000 things nobody foresaw, and the sockets and uploads as many
	@FUZZ_EXAMPLES=100 $(BIN)/python -m pytest -q -n $(WORKERS) --timeout 1200 tests/fuzz

chaos: $(READY) ## Ten minutes of killed, frozen and cut-off processes, then the count (needs redis-server)
	@$(BIN)/python -W ignore -m tools.chaos

bench: $(READY) ## Run benchmarks/ (or ONLY="cancel pages") and write docs/benchmarks.md with its plots
	@$(BIN)/python -m benchmarks $(ONLY)

lock: $(READY) ## Pin the newest versions that pyproject.toml allows
	UV_SYSTEM_CERTS=true $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.12 --upgrade \
		--extra site --extra dev --extra otel pyproject.toml -o requirements.lock
	UV_SYSTEM_CERTS=true $(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.12 \
		--constraint requirements.lock --extra site --extra otel pyproject.toml -o deploy/requirements.lock

messages: $(READY) ## Bring the catalogs of messages in step with the code, and compile them
	@$(BIN)/python -m tools.messages update
	@$(BIN)/python -m tools.messages compile

openapi: $(READY) ## Write docs/openapi.json and docs/frames.schema.json
	@$(MANAGE) export_openapi_schema --api statusproj.api.api --indent 2 --sorted --output docs/openapi.json
	@$(BIN)/python -m live.schema > docs/frames.schema.json

clean: ## Remove the environment and all data
	rm -rf .venv .data

$(READY): requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.12 or newer is needed, and none was found. Say where: make PYTHON=/path/to/python3"; exit 1; }
	@echo "Setting up .venv (once) ..."
	@$(PYTHON) -m venv .venv || { echo "This Python has no venv module. On Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@UV_SYSTEM_CERTS=true $(BIN)/uv pip sync -q --python $(BIN)/python requirements.lock
	@touch $(READY)
