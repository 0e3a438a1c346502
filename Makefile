# Everything a developer types. `make` alone lists the targets.
CARGO ?= cargo
PYTHON ?= python3
# Stands in every record, so that it is known which program wrote it.
export BLOTTER_BUILD ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# Rounds of each long loop of `make torture`.
ROUNDS ?= 100

.DEFAULT_GOAL := help
.PHONY: help run dashboard tools test lint bench bench-store bench-http torture needs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

# The dashboard is built when its sources are newer than what was built of them.
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -path '*/paraglide/*' 2>/dev/null)

run: tools dashboard ## build everything and start a whole node on recorded market data
	$(CARGO) build --release --locked
	target/release/blotter demo --loop

tools:
	@NEEDS="cargo cc node npm" .ci/needs

dashboard: web/dist/index.html ## build the dashboard, which the program then carries

web/node_modules/.package-lock.json: web/package-lock.json
	@NEEDS="node npm" .ci/needs
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	@NEEDS="node npm" .ci/needs
	cd web && npm run build
	@touch $@

test: needs dashboard ## install or name what the tests need, then run every test
	$(PYTHON) -m unittest discover -s tests/reference
	cd web && npm test
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		set -ex; \
		$(CARGO) test --locked --features failpoints --doc; \
		$(CARGO) nextest run --locked --features failpoints --no-fail-fast; \
	else \
		set -ex; \
		$(CARGO) test --locked --features failpoints --no-fail-fast; \
	fi
	cd web && npm run e2e && BLOTTER=$(CURDIR)/target/debug/blotter npm run e2e:node

lint: dashboard ## formatting and clippy, warnings are errors
	@NEEDS="cargo cc rustfmt clippy" .ci/needs
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --features failpoints -- -D warnings
	cd web && npm run check

bench: bench-store bench-http ## run the benchmarks

bench-store: ## the event store beside the disk, plain databases and its peers
	@NEEDS="cargo cc postgres protoc" .ci/needs
	$(CARGO) bench --locked --bench store
	cd benches/peers && $(CARGO) run --release --locked

bench-http: ## durable orders over HTTP beside a constant answer and the disk
	@NEEDS="cargo cc python3 wrk" .ci/needs
	$(CARGO) build --release --locked
	$(PYTHON) benches/orders_over_http.py --check target/release/blotter

torture: needs ## long loops: crashes and seeds; ROUNDS=N sets how many
	BLOTTER_TORTURE=1 ROUNDS=$(ROUNDS) $(CARGO) test --locked --features failpoints --no-fail-fast

needs:
	@NEEDS="cargo cc python3 sqlite3 node npm browser postgres" .ci/needs

clean: ## delete everything that was built
	$(CARGO) clean
	rm -rf web/dist web/node_modules benches/peers/target
	find . -name __pycache__ -not -path './target/*' -exec rm -rf {} +
