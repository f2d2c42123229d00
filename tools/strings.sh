#!/bin/sh
# Prints every text that users read: help, messages, pages and docs, each with its place. The test crates/cli/tests/words.rs finds them.
set -eu
cd "$(dirname "$0")/.."
ELMAN_PRINT_STRINGS=1 cargo test --workspace --test all words -- --nocapture --test-threads 1
