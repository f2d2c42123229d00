#!/bin/sh
# Writes the outputs of the commands in docs/ that are marked <!-- checked --> anew. The test crates/cli/tests/docs.rs compares them.
set -eu
cd "$(dirname "$0")/.."
ELMAN_WRITE_DOCS=1 cargo test --workspace --test all docs
git --no-pager diff --stat -- docs
