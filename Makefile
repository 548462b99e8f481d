# Two commands do all the set-up: `make demo` (a finished video) and `make test` (every check). See README.md.
.PHONY: demo test build setup bench fmt lint reference torture help

help:
	@echo "make demo   install what is missing, build, make a short video"
	@echo "make test   install what is missing, run every check"
	@echo "make reference  print docs/reference anew"
	@echo "make torture  kill, starve and lie to daemons for some minutes, and read their books"
	@echo "make bench  render the reference workload beside a hand-written ffmpeg command"

setup:
	@./setup.sh

build: setup
	cargo build --release --locked

demo: build
	./target/release/fenta run workflows/library/daily-short.yaml

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --features fenta-tests/torture --locked -- -D warnings

# Programs and tests are built in one go, so that both are made with the same features and no library is built twice.
test: setup lint
	cargo build --workspace --bins --tests --locked
	cargo test --workspace --locked

bench: build
	cargo bench --locked -p fenta-tests

# Daemons that are killed, starved and lied to; minutes. FENTA_TORTURE=long is the long form (docs/reliability.md).
torture: setup
	cargo build --workspace --locked
	cargo build --workspace --locked --features fenta-tests/torture --bin torture
	./target/debug/torture

# What docs/reference holds is printed by the program; a test compares.
reference:
	cargo build --locked -p fenta -p fenta-daemon
	mkdir -p docs/reference
	./target/debug/fentad --openapi > docs/reference/openapi.json
	./target/debug/fenta schema workflow > docs/reference/workflow.schema.json
	./target/debug/fenta schema template > docs/reference/template.schema.json
	./target/debug/fenta schema config > docs/reference/config.schema.json
	./target/debug/fenta nodes show --all --markdown > docs/reference/nodes.md
