# What one does with Millrace. Everything runs on the Node 24 that npm installs.
.DEFAULT_GOAL := help
.PHONY: help install demo start up down load logs check test unit e2e test-peers test-librdkafka test-kcl test-terraform test-compose crash crash-mappings crash-streams fuzz
.PHONY: simulate-seeds spike bench bench-cpu-share bench-broker bench-invoke bench-consumer bench-torture bench-isolation bench-simulate bench-schemas
.PHONY: bench-kinesis bench-subscriptions docs board-pictures format clean

installed := node_modules/.package-lock.json

help: ## Show this list.
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: $(installed) ## Install what npm has to give.

$(installed): package.json package-lock.json
	npm ci --no-audit --no-fund --loglevel=error
	@touch $@

demo: $(installed) ## Start everything, send a spike, watch it in the terminal (DEMO_SECONDS=60).
	@npm run -s demo

start: $(installed) ## Start all roles in one process.
	@npm run -s start

up: ## Start everything in containers, with Prometheus and Grafana (http://localhost:3000).
	docker compose up --build --detach --wait

down: ## Stop the containers; data stays in their volumes.
	docker compose --profile load down

load: ## Send a spike of telemetry to the containers.
	docker compose --profile load run --rm producer

logs: ## Follow what the containers log.
	docker compose logs --follow --tail 20

check: $(installed) ## Types, lint, format, layers, docs.
	@npm run -s check

test: check unit e2e ## Check, unit tests, end-to-end tests with clients from npm.

unit: $(installed)
	@npm run -s unit

e2e: $(installed)
	@npm run -s e2e

test-peers: $(installed) ## Clients, servers and schemas from apt, PyPI, Maven and Go; installs them.
	@test/peers/install.sh
	@npm run -s peers

test-librdkafka: $(installed) ## librdkafka's own test suite against the broker; builds it.
	@test/peers/librdkafka.sh
	@npm exec -- node test/librdkafka/run.ts

test-kcl: $(installed) ## AWS's KCL, KPL and SDK for Java against the Kinesis door; fetches and compiles them.
	@test/peers/install.sh
	@test/kcl/install.sh
	@npm exec -- vitest run --project kcl

test-terraform: $(installed) ## What Terraform's AWS provider calls, through AWS's SDK for Go; fetches and builds it.
	@test/terraform/build.sh
	@npm exec -- node test/terraform/run.ts

test-compose: $(installed) ## The containers on a real engine: start, load, kills, restarts; needs docker.
	@npm exec -- node test/compose/run.ts

crash: $(installed) ## Kill a broker under load ROUNDS=1000 times and judge what its clients saw; SEED= replays.
	@npm exec -- node test/crash/run.ts

crash-mappings: $(installed) ## Kill broker, workers and poller ROUNDS=100 times in turn and judge what a function was given, SOURCE=kinesis of a stream; SEED= replays.
	@npm exec -- node test/crash/run-mappings.ts

crash-streams: $(installed) ## Kill a broker ROUNDS=100 times amid puts by the Kinesis API and judge its shards; SEED= replays.
	@npm exec -- node test/crash/run-streams.ts

fuzz: $(installed) ## Hand COUNT=10000000 spoiled requests and batches to parser and handlers; SEED= replays.
	@npm exec -- node test/fuzz/run.ts

simulate-seeds: $(installed) ## Hold SEEDS=10000 simulated mappings with random failures to what they promise; SEED= replays one.
	@SEEDS=$(or $(SEEDS),10000) npm exec -- vitest run --project unit simulator/seeds.test.ts

bench: $(installed) ## Measure the pipeline beside a bare consumer; prints JSON.
	@npm run -s bench

bench-cpu-share: $(installed) ## Measure durations over memory sizes, for each way to hold processor shares; prints JSON.
	@npm exec -- node bench/cpu-share.ts

bench-broker: $(installed) ## Measure the broker beside a mock in C and Apache Kafka; fetches them, prints JSON.
	@test/peers/librdkafka.sh >&2
	@test/peers/kafka.sh >&2
	@npm run -s bench:broker

bench-invoke: $(installed) ## Measure Invoke beside raw piscina, in process and over HTTP; prints JSON.
	@npm run -s bench:invoke

bench-consumer: $(installed) ## Measure reading a topic by our consumer, kafkajs and @platformatic/kafka; prints JSON.
	@npm exec -- node bench/consumer.ts

bench-kinesis: $(installed) ## Measure the Kinesis API beside kinesalite and kinesis-local, and mappings of streams; fetches, prints JSON.
	@test/peers/kinesis.sh >&2
	@npm exec -- node bench/kinesis.ts
	@npm exec -- node bench/kinesis-mapping.ts

bench-subscriptions: $(installed) ## Measure the memory of 1,000 open subscriptions to shards, and put to push; prints JSON.
	@npm exec -- node bench/subscriptions.ts

bench-torture: $(installed) ## Measure functions that behave, alone and beside each that does not; prints JSON.
	@npm run -s bench:torture

bench-isolation: $(installed) ## Measure a mapping alone and beside ones that hang, fail and are throttled; prints JSON.
	@npm exec -- node bench/isolation.ts

spike: $(installed) ## The spike that AWS shows of Kafka mappings, live and simulated at its pace; draws charts (OUT=.cache/spike).
	@npm exec -- node bench/spike.ts --out $(or $(OUT),.cache/spike)

bench-simulate: $(installed) ## Measure the simulator: ten minutes of a million records a second; prints JSON.
	@npm exec -- node bench/simulate.ts

bench-schemas: $(installed) ## Measure decoding by schemas of a registry beside avsc, protobufjs and ajv; prints JSON.
	@npm exec -- node bench/schemas.ts

docs: $(installed) ## Write the pages and boards that come from code.
	@npm run -s docs

board-pictures: $(installed) ## Draw the pictures of the boards in docs/images from a live scenario; needs chromium.
	@npm exec -- node test/pictures/run.ts

format: $(installed)
	@npm run -s format

clean: ## Remove what was installed or built here; data stays.
	rm -rf node_modules .cache
