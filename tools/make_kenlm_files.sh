#!/bin/sh
# Makes the binary files of KenLM that the tests read, with KenLM's own programs:
#
#   cmake -S KENLM -B build -DCMAKE_BUILD_TYPE=Release -DKENLM_MAX_ORDER=32 && make -C build lmplz build_binary query
#   tools/make_kenlm_files.sh build/bin
#
# For each file NAME.bin.gz in crates/ngram/fixtures/kenlm there is NAME.txt, which `query -v word` printed for sentences.txt. Smaller
# files are the seeds of the fuzz target `kenlm_binary`.
set -eu
bin=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
to=$root/crates/ngram/fixtures/kenlm
mkdir -p "$to"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

plain() { tr 'A-Z' 'a-z' | tr -c 'a-z\n' ' '; }
head -n 9 "$root/data/kjv.txt" | plain > text
{ sed -n 2,4p text; sed -n '10,14p' "$root/data/kjv.txt" | plain; printf '\n\nlight\nunheard of things\nthe\tlight <unk>  \n'; } > sentences
cp sentences "$to/sentences.txt"
for order in 2 3 4 8; do
  "$bin/lmplz" -o $order --discount_fallback < text > $order.arpa 2> /dev/null
done
# Without <unk>, with words that texts of elman never hold, and with n-grams whose last words are missing from the lower order.
cat > odd.arpa <<'END'
\data\
ngram 1=7
ngram 2=5
ngram 3=3
ngram 4=2

\1-grams:
-1.5	</s>
-99	<s>	-0.25
-1	light	-0.5
-1.25	the	-0.125
-1.75	and	0
-3	<eos>	-0.75
-2.5	no break	0.25

\2-grams:
-0.5	<s> light	-0.0625
-0.75	light the	0
-0.625	the </s>	0
-0.25	the light	0.5
-0.875	and the	-0.125

\3-grams:
-0.125	<s> light the	-0.5
-0.375	the light the	0
-2	and the light	-0.25

\4-grams:
-0.03125	<s> light the light
-1.125	the light the <eos>

\end\
END

# NAME ARPA OPTIONS
make() {
  name=$1
  arpa=$2
  shift 2
  "$bin/build_binary" "$@" "$arpa.arpa" "$name.bin" > log 2>&1 || { cat log; exit 1; }
  "$bin/query" -v word "$name.bin" < sentences > "$to/$name.txt" 2> /dev/null
  gzip -9nc "$name.bin" > "$to/$name.bin.gz"
}
make probing-3 3 probing
make probing-3-no-words 3 -v probing
make probing-2-wide 2 -p 3 probing
make probing-8 8 probing
make probing-odd odd -p 4 probing
make trie-3 3 trie
make trie-3-no-words 3 -v trie
make trie-2-quantized 2 -q 6 -b 5 trie
make trie-4-quantized 4 -q 5 -b 3 trie
make trie-4-array 4 -a 22 trie
make trie-4-quantized-array-no-words 4 -v -q 4 -b 6 -a 3 trie
make trie-8-quantized-array 8 -q 8 -b 8 -a 255 trie
make trie-odd odd trie
seeds=$root/fuzz/seeds/kenlm_binary
mkdir -p "$seeds"
# NAME OPTIONS
seed() {
  name=$1
  shift
  "$bin/build_binary" "$@" odd.arpa "$seeds/$name.bin" > log 2>&1 || { cat log; exit 1; }
}
seed probing -p 4 probing
seed probing-no-words -p 4 -v probing
seed trie trie
seed trie-quantized -q 2 -b 3 trie
seed trie-array -a 3 trie
seed trie-quantized-array-no-words -v -q 3 -b 2 -a 2 trie
for arpa in 3 4 8 odd; do
  gzip -9nc $arpa.arpa > "$to/$arpa.arpa.gz"
done
ls -l "$to" "$seeds"
