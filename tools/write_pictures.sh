#!/usr/bin/env bash
# Makes the pictures of README.md anew, in docs/images: the page of a run, gradients that vanish, a text coloured by a hidden unit.
#
#     apt install chromium aha && tools/write_pictures.sh
#
# It trains the default run and a network of characters, which takes some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --release --quiet
elman=$PWD/${CARGO_TARGET_DIR:-target}/release/elman
case ${CARGO_TARGET_DIR:-} in /*) elman=$CARGO_TARGET_DIR/release/elman ;; esac
images=$PWD/docs/images
text=$PWD/data/kjv.txt
mkdir -p "$images"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# photograph PAGE PICTURE WIDTH HEIGHT: what a browser shows of a page.
photograph() {
    chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --hide-scrollbars \
        --user-data-dir="$work/browser" --window-size="$3,$4" --screenshot="$images/$2" "file://$work/$1" 2> /dev/null
}

"$elman" train "$text" -o kjv --quiet
photograph kjv/report.html run.png 1200 1120

# Networks before their first step, each with the bound on its gradients.
"$elman" lab --quick -o lab --svg "$work/plots" > /dev/null
cp plots/vanishing-plot.svg "$images/gradients.svg"

# The unit that follows the place in the word best, by the first half of the text.
"$elman" train "$text" -o chars --quiet --vocab chars --cell gru --hidden 128 --steps 1500
unit=$("$elman" inspect states chars "$text" | awk '/^position in the word/ { print $6 }')
script --quiet --command "stty cols 110; '$elman' inspect states chars '$text' --unit $unit --show 1200" /dev/null | sed -n '/^unit [0-9]/,$p' > states.ansi
{
    echo '<meta charset="utf-8"><pre style="margin:1rem;white-space:pre-wrap;font:15px/1.6 monospace;color:#111">'
    aha --no-header < states.ansi
} > states.html
photograph states.html states.png 1000 480
