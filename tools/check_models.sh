#!/usr/bin/env bash
# Trains a small model of every cell, loads each into PyTorch by its tensors' names, and compares logits.
#
#     PYTHON=venv/bin/python tools/check_models.sh        # the Python needs torch and safetensors
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --bins --examples
elman=target/release/elman
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
head -c 200000 data/kjv.txt > "$folder/text"
head -c 2000 data/kjv.txt > "$folder/verse"

check() {
    local name=$1
    shift
    "$elman" train "$folder/text" -o "$folder/$name" --quiet --steps 60 --max-vocab 600 --hidden 40 "$@"
    target/release/examples/token_logits "$folder/$name" "$folder/verse" "$folder/$name.safetensors"
    "${PYTHON:-python3}" tools/check_torch.py "$folder/$name/model" "$folder/$name.safetensors"
}

for activation in sigmoid tanh relu; do
    check "$activation" --cell elman --activation "$activation" --layers 2
done
check lstm --cell lstm --layers 2
check lstm-untied --cell lstm --no-tied --embed 24
check gru --cell gru --layers 2
check gru-chars --cell gru --no-tied --embed 24 --vocab chars
