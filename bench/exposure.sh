#!/usr/bin/env bash
# Exposure bias, and what scheduled sampling and fine-tuning on a model's own sequences do to it and cost in perplexity.
# docs/INSPECT.md, "The chapter's remedies", shows the results. About a quarter of an hour on one core.
#
#   bench/exposure.sh target/release/elman data/kjv.txt /tmp/exposure
#
# A 3-gram model of TEXT writes the training, validation and test texts, so it is their source. Everything is f32 with fixed seeds: the
# figures are the same on every machine.
set -euo pipefail
if [ $# != 3 ]; then
  echo "usage: $0 ELMAN TEXT DIRECTORY" >&2
  exit 2
fi
elman=$(realpath "$1")
text=$(realpath "$2")
mkdir -p "$3"
cd "$3"

# Marks become words of their own, so that 2,000 entries go far.
sed -E 's/([][,.;:?!()])/ \1 /g' "$text" > words.txt
"$elman" ngram train words.txt -o source.bin --order 3 --max-vocab 2000
draw() { "$elman" generate source.bin --temperature 1 -n "$1" --seed "$2"; }
draw 420000 11 > train.txt
draw 20000 12 > valid.txt
draw 50000 13 > test.txt

common=(train.txt --valid valid.txt --dropout 0.2 --precision f32 --threads 1)
# Validation on true text would keep the weights that have seen the fewest of their own words: one, at the end.
whole=(--vocab-from source.bin --cell lstm --hidden 160 --seed 1 --epochs 8 --valid-every 3008)
"$elman" train "${common[@]}" "${whole[@]}" -o plain
"$elman" train "${common[@]}" "${whole[@]}" -o sampled-25 --scheduled-sampling inverse-sigmoid:400 --sampling-limit 0.25
"$elman" train "${common[@]}" "${whole[@]}" -o sampled --scheduled-sampling inverse-sigmoid:400
more=(--seed 2 --lr 0.001 --steps 1500)
"$elman" finetune plain "${common[@]}" "${more[@]}" -o true
"$elman" finetune plain "${common[@]}" "${more[@]}" -o own --on-generated 0.5 --beginning 20 --continuation 100

# Each model is measured on draws of its own, so that the figures of two are independent.
seed=0
for model in plain sampled-25 sampled true own; do
  seed=$((seed + 1))
  echo
  echo "== $model"
  "$elman" inspect exposure "$model" --oracle source.bin --sequences 4000 --seed "$seed"
done
echo
"$elman" compare plain sampled-25 sampled true own source.bin test.txt
