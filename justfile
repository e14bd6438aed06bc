# What a developer runs. `just` lists it.

default:
    @just --list

# Everything cheap: format, lints, docs.
check:
    scripts/format --check
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

# Format everything.
format:
    scripts/format

# The whole test suite, as the README names it.
test:
    cargo test

# Write the committed snapshots of the surface anew.
regen:
    UPDATE=1 cargo test --test it snapshots

# The outside suites: MCP conformance, SDK clients, Inspector, schemathesis.
outside *SUITES:
    scripts/outside/run {{SUITES}}

# A fuzz target (filters, graph_queries, messages, page_tokens, process_files, times) for a minute; needs cargo-fuzz and a nightly toolchain.
fuzz TARGET:
    cargo +nightly fuzz run {{TARGET}} -- -max_total_time=60

# Calls measured against peers; builds in release.
bench:
    cargo bench --bench calls
    cargo bench --bench audit
    cargo bench --bench vectors

# What CI does.
verify:
    .ci/run
