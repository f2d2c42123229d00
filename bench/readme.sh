#!/usr/bin/env bash
# Measures this machine and prints the tables of README.md and docs/PERFORMANCE.md as Markdown, under the processor's name.
#
#     PYTHON=torch/bin/python KENLM=kenlm-build/bin RNNLM=faster-rnnlm/rnnlm TEXTS=wikitext-2 bench/readme.sh [DIRECTORY]
#
# bench/README.md says where the other programs come from. A program that is not named is left out, with a line that says so. TEXTS has
# wiki.train.tokens, wiki.valid.tokens and wiki.test.tokens. What was measured is kept in DIRECTORY (target/readme unless given) and
# is not measured again, so a run that was stopped can go on. Nothing else should run on the machine.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
kept=${1:-$target/readme}
mkdir -p "$kept"
cargo build --release --quiet
elman=$target/release/elman

# measure NAME COMMAND...: runs the command unless its output was kept.
measure() {
    local file=$kept/$1
    shift
    if [ ! -e "$file" ]; then
        echo "measuring $(basename "$file")" >&2
        "$@" > "$file.part"
        mv "$file.part" "$file"
    fi
}

# without NAME WHAT: says what is left out.
without() {
    echo "$1 is not set: $2 are left out" >&2
}

first_command() {
    local directory
    directory=$(mktemp -d)
    "$elman" train data/kjv.txt -o "$directory/run" --json
    rm -r "$directory"
}

compare() {
    "$PYTHON" bench/compare_pytorch.py "$elman" "${@:2}" --json "$kept/$1.part.json" > /dev/null
    cat "$kept/$1.part.json"
    rm "$kept/$1.part.json"
}

measure first.json first_command
measure shares.json "$elman" bench all --precision f32 --repeat 3 --seconds 3 --json
if [ -n "${PYTHON:-}" ]; then
    measure training.json compare training S M L E G C --work train memory
    measure inference.json compare inference S M --work score eval generate start
else
    without PYTHON "the ratios to PyTorch"
fi
if [ -n "${KENLM:-}" ] && [ -n "${TEXTS:-}" ]; then
    measure kenlm.md python3 bench/kenlm.py "$elman" "$KENLM" "$TEXTS"/wiki.{train,valid,test}.tokens
else
    without "KENLM or TEXTS" "n-gram models beside KenLM"
fi
if [ -n "${RNNLM:-}" ] && [ -n "${TEXTS:-}" ]; then
    measure rnnlm.md python3 bench/rnnlm.py "$elman" "$RNNLM" "$TEXTS"/wiki.{train,valid,test}.tokens
else
    without "RNNLM or TEXTS" "networks beside faster-rnnlm"
fi
python3 bench/markdown.py "$kept"
