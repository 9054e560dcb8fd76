# What one does with Millrace. Everything runs on the Node 24 that npm installs.
.DEFAULT_GOAL := help
.PHONY: help install demo start check test unit e2e test-peers bench docs format clean

installed := node_modules/.package-lock.json

help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(installed) ## Install what npm has to give.

$(installed): package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: $(installed) ## Start everything, send a spike, watch it in the terminal (DEMO_SECONDS=60).
	@npm run -s demo

start: $(installed) ## Start all roles in one process.
	@npm run -s start

check: $(installed) ## Types, lint, format, layers, docs.
	@npm run -s check

test: check unit e2e ## Check, unit tests, end-to-end tests with clients from npm.

unit: $(installed)
	@npm run -s unit

e2e: $(installed)
	@npm run -s e2e

test-peers: $(installed) ## Clients and servers from apt and PyPI; installs them.
	@test/peers/install.sh
	@npm run -s peers

bench: $(installed) ## Measure the pipeline beside a bare consumer; prints JSON.
	@npm run -s bench

docs: $(installed) ## Write the pages that come from tables.
	@npm run -s docs

format: $(installed)
	@npm run -s format

clean: ## Remove what was installed or built here; data stays.
	rm -rf node_modules .cache
