# Commands of this house. Each recipe is one command; what is longer has a name of its own.
#
#   make up            everything on this machine (KAFKA=1: with real Apache Kafka)
#   make crowd         2,000 simulated fans against what `make up` runs
#   make build         target/release/urr
#   make test          all tests, on real engines
#   make e2e           tests on a real Kubernetes with pods (LEVEL=api: its control plane only;
#                       LEVEL=figures: how late, how fast and how big the operator is; LEVEL=load: what one
#                       processor serves of each service; both for an idle machine)
#   make lint          formatting, clippy, documentation, dependencies
#   make fmt           formats
#   make sqlx          renews services/*/.sqlx after a change of SQL or migrations
#   make crds          renews crds/ after a change of operator/api
#   make nix           evaluates the flake without nixpkgs (LEVEL=build: and builds all of it, twice;
#                       LEVEL=changed: that, where what decides how has changed)
#   make openapi       renews services/gateway/openapi.json after a change of a handler
#   make test-openapi  fuzzes the platform from that document (EXAMPLES=60 an operation; `make test`: 1)
#   make images        images of the programs for release, without Nix
#   make reproducible  the same bytes in two places, for a sample (LEVEL=all: for the programs)
#   make deny          cargo-deny, where it is installed

CARGO ?= cargo
URR   := target/release/urr
FANS  ?= 2000
LEVEL ?= node
EXAMPLES ?= 60

# Queries are checked against services/*/.sqlx, so that building needs no database.
export SQLX_OFFLINE := true

.PHONY: up crowd build e2e test test-crates test-kafka test-aws lint fmt sqlx crds nix images reproducible deny packages packages-with-kafka packages-for-tests packages-for-images clippy doc format-check openapi test-openapi

up: $(if $(KAFKA),packages-with-kafka,packages) build
	exec $(URR) up $(if $(KAFKA),--kafka) $(UP_FLAGS)

crowd:
	exec $(URR) crowd --env-file .urr/run.env --fans $(FANS) $(CROWD_FLAGS)

build: packages
	$(CARGO) build --release --locked --package urr-urr --target-dir target

# The Rust crates first, then the cluster's Go programs: together they are too much for a small machine.
test: EXAMPLES = 1
test: packages-for-tests test-crates test-kafka test-aws test-openapi
	OPTIONAL=1 e2e/run api

test-crates:
	$(CARGO) test --workspace --locked --no-fail-fast

test-kafka: packages-with-kafka
	services/urr/test-kafka.sh

e2e: packages-with-kafka
	e2e/run $(LEVEL)

test-aws: packages-for-tests
	services/urr/test-aws.sh

test-openapi: packages-for-tests
	services/urr/test-openapi.sh $(EXAMPLES)

lint: packages format-check clippy doc deny

format-check:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --document-private-items --locked

fmt:
	$(CARGO) fmt --all

sqlx: packages
	services/urr/sqlx.sh

crds:
	$(CARGO) run --quiet --locked --package urr-operator -- crd > crds/ticketingevents.yaml.new
	mv crds/ticketingevents.yaml.new crds/ticketingevents.yaml

nix:
	nix/offline/verify.sh $(or $(filter build changed,$(LEVEL)),evaluate)

openapi:
	$(CARGO) run --quiet --locked --package urr-urr -- openapi > services/gateway/openapi.json.new
	mv services/gateway/openapi.json.new services/gateway/openapi.json

images: packages-for-images
	images/make.sh

reproducible: packages-for-images
	images/reproducible.sh $(if $(filter all,$(LEVEL)),all,sample)

deny:
	services/urr/deny.sh

packages:
	services/urr/bootstrap.sh

packages-with-kafka:
	services/urr/bootstrap.sh --kafka

packages-for-tests:
	services/urr/bootstrap.sh --kafka --python

packages-for-images:
	services/urr/bootstrap.sh --images
