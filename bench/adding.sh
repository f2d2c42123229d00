#!/usr/bin/env bash
# Which recurrent networks add two digits over a lag of 150 tokens? (docs/INSPECT.md, "Long-range memory")
#
#   bench/adding.sh target/release/elman DIRECTORY > bench/adding.csv
#   bench/adding.sh target/release/elman DIRECTORY lstm 0.003 1    # one of the runs alone
#
# An LSTM, an IRNN and a tanh network of 100 units, each at the same three learning rates with the same number of steps; each at
# its best rate, by the loss on held-out lines, with two more seeds. Everything else is the same for all but what belongs to a
# cell: the identity as the recurrent weights of the IRNN (Le, Jaitly and Hinton 2015), and a forget bias of 3 for the LSTM. Takes about an hour and a half on one CPU. Runs that are there already are not made again.
set -euo pipefail
elman=$(realpath "$1")
mkdir -p "$2" && cd "$2"

lag=150
[ -e train.txt ] || "$elman" synth adding --lag $lag --sequences 100000 --seed 1 -o train.txt

declare -A cell=(
    [lstm]="--cell lstm --forget-bias 3"
    [irnn]="--cell elman --activation relu --init-recurrent identity"
    [tanh]="--cell elman --activation tanh"
)
rates="0.0003 0.001 0.003"

# train CELL RATE SEED
train() {
    local run=$1-$2-$3
    grep -qs '"kind":"end"' "$run/metrics.jsonl" || "$elman" train train.txt -o "$run" --force --quiet \
        --vocab whitespace --layout sentences --loss-after = ${cell[$1]} --init xavier \
        --embed 100 --hidden 100 --no-tied --dropout 0 --batch-size 32 --batch-tokens 5000 \
        --optimizer adam --lr "$2" --clip 1 --schedule cosine --steps 8000 --valid-every 800 \
        --precision f32 --threads 1 --seed "$3" >&2
}

# The best loss on held-out lines that a run has had.
best_loss() {
    grep '"kind":"valid"' "$1/metrics.jsonl" | grep -o '"loss_nats":[^,]*' | cut -d: -f2 | sort -g | head -1
}

if [ "${3:-}" ]; then # one run: CELL RATE SEED
    train "$3" "$4" "$5"
    exit
fi
for name in irnn tanh lstm; do
    for rate in $rates; do train $name "$rate" 1; done
    best=$(for rate in $rates; do echo "$(best_loss $name-"$rate"-1) $rate"; done | sort -g | head -1 | cut -d' ' -f2)
    for seed in 2 3; do train $name "$best" $seed; done
done

echo "cell,rate,seed,step,train_loss,valid_loss,valid_accuracy"
for run in irnn-* lstm-* tanh-*; do
    awk -v run="$run" '
        function value(name) { match($0, "\"" name "\":[^,}]*"); return substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 3) }
        BEGIN { split(run, part, "-") }
        /"kind":"train"/ { loss += value("loss_nats"); lines += 1 }
        /"kind":"valid"/ {
            printf "%s,%s,%s,%d,%.4f,%.4f,%.4f\n", part[1], part[2], part[3], value("step"), loss / lines, value("loss_nats"), value("accuracy")
            loss = lines = 0
        }' "$run/metrics.jsonl"
done
