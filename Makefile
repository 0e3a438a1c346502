# Everything a developer types. `make` alone lists the targets.
CARGO ?= cargo
PYTHON ?= python3
# Stands in every record, so that it is known which program wrote it.
export BLOTTER_BUILD ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# Rounds of each long loop of `make torture`.
ROUNDS ?= 100

.DEFAULT_GOAL := help
.PHONY: help run test lint bench torture needs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: ## build and start a whole node on recorded market data
	@NEEDS="cargo cc" .ci/needs
	$(CARGO) build --release --locked
	target/release/blotter demo

test: needs ## install or name what the tests need, then run every test
	$(PYTHON) -m unittest discover -s tests/reference
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -ex; \
		$(CARGO) test --locked --features failpoints --doc; \
		$(CARGO) nextest run --locked --features failpoints --no-fail-fast; \
	else \
		set -ex; \
		$(CARGO) test --locked --features failpoints --no-fail-fast; \
	fi

lint: ## formatting and clippy, warnings are errors
	@NEEDS="cargo cc rustfmt clippy" .ci/needs
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features failpoints -- -D warnings

bench: ## run the benchmarks
	$(CARGO) bench --locked

torture: needs ## long loops: crashes and seeds; ROUNDS=N sets how many
	BLOTTER_TORTURE=1 ROUNDS=$(ROUNDS) $(CARGO) test --locked --features failpoints --no-fail-fast

needs:
	@NEEDS="cargo cc python3 sqlite3" .ci/needs

clean: ## delete everything that was built
	$(CARGO) clean
	find . -name __pycache__ -not -path './target/*' -exec rm -rf {} +
