#!/bin/sh
# Installs what `cargo build --release --features mpi` and tools/check_mpi.sh need on Debian: Open MPI, and libclang for the bindings.
set -eu
apt-get update
apt-get install -y --no-install-recommends libopenmpi-dev openmpi-bin libclang-dev
