# One line each; anything longer is a file in scripts/. `make` alone lists them.
RUN := .venv/bin
export PATH := $(CURDIR)/.venv/bin:$(PATH)
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-quick test-real check quick dev start up down services services-stop migrate migrate-down migrate-create migrate-history bootstrap openapi health stats doctor psql mongo redis db-reset-full fmt lint types imports conformance fuzz bench bench-streams clean

help: ## List what make can do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2}'
setup: .venv/.ready ## Create .venv and install everything into it
.venv/.ready: pyproject.toml uv.lock sdk/pyproject.toml scripts/setup.sh
	@scripts/setup.sh
demo: setup ## Start on embedded storage and watch an agent answer
	@$(RUN)/cadence demo
test: setup ## Run every test that this machine can run
	@$(RUN)/pytest -n auto --dist loadgroup
test-real: setup ## Every test that rests on the service's stores, on real ones
	@$(RUN)/pytest -n auto --dist loadgroup --stores=real
test-quick: setup ## The tests that are not marked slow
	@$(RUN)/pytest -n auto --dist loadgroup -m "not slow"
check: setup lint types imports test ## Everything that CI runs: lint, types, the floor plan, every test
quick: setup lint types imports test-quick ## The same with the quick tests alone: before each commit
dev: setup ## Serve with reload
	@$(RUN)/cadence serve --reload
start: setup ## Serve with four workers behind one port, on real stores
	@$(RUN)/cadence serve --workers 4
up: ## Build and start all of docker/compose.yml, and wait until it is healthy
	@docker compose -f docker/compose.yml up --build --wait
down: ## Stop what make up has started; keeps its volumes
	@docker compose -f docker/compose.yml down
services: setup ## Start PostgreSQL, Redis, RabbitMQ, MongoDB's protocol and S3 without Docker; prints what to put into .env
	@scripts/mongodb_server.sh; $(RUN)/python scripts/services.py start
services-stop: setup ## Stop what make services has started
	@$(RUN)/python scripts/services.py stop
migrate: setup ## Bring the database to the newest schema
	@$(RUN)/cadence migrate
migrate-down: setup ## Take back the last migration
	@$(RUN)/cadence migrate --down 1
migrate-create: setup ## Write a migration: make migrate-create MSG="add a column"
	@$(RUN)/cadence migrate --create "$(MSG)"
migrate-history: setup ## List the migrations
	@$(RUN)/cadence migrate --history
bootstrap: setup ## Create the first sys_admin
	@$(RUN)/cadence bootstrap
openapi: setup ## Print the schema of the API
	@$(RUN)/cadence openapi
health: ## Ask a running server how it is
	@curl -fsS http://127.0.0.1:$${CADENCE_API_PORT:-8000}/ready && echo
stats: ## Ask a running server for its pool: make stats TOKEN=<a sys_admin's>
	@curl -fsS -H "Authorization: Bearer $${TOKEN:?is not set: make stats TOKEN=<a sys_admin login>}" http://127.0.0.1:$${CADENCE_API_PORT:-8000}/api/admin/pool/stats && echo
doctor: setup ## Check settings and stores
	@$(RUN)/cadence doctor
psql: ## Open the configured PostgreSQL
	@psql "$$CADENCE_POSTGRES_URL"
mongo: ## Open the configured MongoDB
	@command -v mongosh >/dev/null || { echo "mongosh is not installed: https://www.mongodb.com/docs/mongodb-shell/install" >&2; exit 1; }; mongosh "$$CADENCE_MONGO_URL"
redis: ## Open the configured Redis
	@redis-cli -u "$$CADENCE_REDIS_URL"
db-reset-full: ## Delete the embedded stores (var/), after asking
	@scripts/reset.sh
fmt: setup ## Format
	@$(RUN)/ruff format . && $(RUN)/ruff check --fix-only .
lint: setup ## Ruff, everything on
	@$(RUN)/ruff format --check . && $(RUN)/ruff check .
types: setup ## mypy strict
	@$(RUN)/mypy cadence sdk/src sdk/tests sdk/examples tests migrations/env.py
imports: setup ## The floor plan
	@$(RUN)/lint-imports
conformance: setup ## One contract, every orchestrator
	@$(RUN)/pytest tests/conformance
fuzz: setup ## Call every operation 200 times as each role, and feed mutated packages and frames for a minute each
	@FUZZ_EXAMPLES=200 $(RUN)/pytest -n auto tests/security/test_schema_fuzzing.py && $(RUN)/python -m tests.fuzz --seconds 60
bench: setup ## Figures of speed and memory
	@$(RUN)/python -m tests.benchmarks
bench-streams: setup ## 1, 50, 200 and 500 streams that stay open, for minutes: make bench-streams ARGS="--real --workers 2"
	@$(RUN)/python -m tests.benchmarks.streams $(ARGS)
clean: ## Remove caches
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache && find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
