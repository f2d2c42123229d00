#!/usr/bin/env python3
"""Checks `elman ngram mix` against the Python package `kenlm`.

    pip install kenlm
    cargo build --release
    python tools/check_mix.py target/release/elman A.arpa B.arpa --dev DEV --test TEST

Mixes the two models, with weights that are fitted on DEV, into one ARPA file, which kenlm then reads:

- its perplexity of TEST must be within 1 % of that of the dynamic mixture (`elman compare A B TEST --dev DEV`), with OOVs and without,
  and that of elman to a share of 1e-5;
- in the empty context, after <s>, and in contexts of one and two words, listed ones and others, the probabilities of all words must
  sum to one within 1e-5.

Checked with kenlm 0.3.0.
"""

import argparse
import json
import random
import subprocess
import tempfile
from pathlib import Path

import kenlm


def elman(args, *command) -> dict:
    run = subprocess.run([args.elman, *map(str, command), "--json"], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)


def perplexities(model: kenlm.Model, text: Path) -> tuple[float, float]:
    """With OOVs and without."""
    lines = text.read_text(encoding="utf-8").splitlines()
    scores = [(log10, oov) for line in lines for log10, _, oov in model.full_scores(line)]
    known = [log10 for log10, oov in scores if not oov]
    return tuple(10 ** (-sum(all) / len(all)) for all in ([log10 for log10, _ in scores], known))


def n_grams(arpa: Path) -> dict[int, list[list[str]]]:
    found: dict[int, list[list[str]]] = {}
    order = 0
    for line in arpa.read_text(encoding="utf-8").split("\n"):
        if line.startswith("\\") and line.endswith("-grams:"):
            order = int(line[1:-7])
        elif order and "\t" in line:
            found.setdefault(order, []).append(line.split("\t")[1].split(" "))
    return found


def sum_after(model: kenlm.Model, context: list[str], words: list[str]) -> float:
    state, after = kenlm.State(), kenlm.State()
    model.NullContextWrite(state)
    for word in context:
        if word == "<s>":
            model.BeginSentenceWrite(state)
        else:
            model.BaseScore(state, word, after)
            state, after = after, kenlm.State()
    return sum(10 ** model.BaseScore(state, word, after) for word in words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=Path)
    parser.add_argument("models", type=Path, nargs=2)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        mixed = Path(directory) / "mixed.arpa"
        made = elman(args, "ngram", "mix", *args.models, "--dev", args.dev, "-o", mixed)
        # What an OOV costs is the same in both mixtures.
        dynamic = elman(args, "compare", *args.models, args.test, "--dev", args.dev, "--charge-oov", 0)["mixture"]
        ours = elman(args, "eval", mixed, args.test)
        model = kenlm.Model(str(mixed))
        found = perplexities(model, args.test)
        grams = n_grams(mixed)
    print("weights", made["weights"])
    failed = False
    for perplexity, name in zip(found, ("perplexity", "perplexity_without_oov")):
        print(f"{name}: {perplexity:.4f} by kenlm, {ours[name]:.4f} by elman, {dynamic[name]:.4f} as a dynamic mixture")
        failed |= abs(perplexity / dynamic[name] - 1) > 0.01 or abs(perplexity / ours[name] - 1) > 1e-5
    words = [gram[0] for gram in grams[1] if gram[0] != "<s>"]
    rng = random.Random(1)
    contexts = [[], ["<s>"]] + [[word] for word in rng.sample(words, min(50, len(words))) if word != "</s>"]
    listed = [gram for gram in grams.get(2, []) if "</s>" not in gram]
    contexts += rng.sample(listed, min(100, len(listed))) + [rng.sample(words, 2) for _ in range(50)]
    contexts = [context for context in contexts if "</s>" not in context]
    worst = max(abs(sum_after(model, context, words) - 1) for context in contexts)
    print(f"sums over {len(words)} words after {len(contexts)} contexts: at most {worst:.1e} from one")
    failed |= worst > 1e-5
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
