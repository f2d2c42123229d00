#!/usr/bin/env python3
"""Checks that `elman ngram train` gives the probabilities of KenLM's `lmplz --discount_fallback`.

    cmake -S kenlm -B kenlm-build -DCMAKE_BUILD_TYPE=Release && make -C kenlm-build lmplz
    cargo build --release
    python tools/check_lmplz.py kenlm-build/bin/lmplz target/release/elman [--corpora 150] [--text FILE --order N] ...

Random corpora of a few to some hundred lines, orders 1 to 7, every other one pruned by counts; then the texts that are given. Both
models must list the same n-grams, with log10 p and log10 of the back-off weights that differ by at most 2e-6. The log10 p of <s> is
not compared: lmplz writes 0, elman -99, and <s> is never predicted.

lmplz has one error (adjust_counts.cc, at the end of AdjustCounts::Run): for the last n-gram of each lower order, in the order of its
sorting, it takes the count c in place of the adjusted count a for the numbers t_1 to t_4 from which the discounts follow. Where c and
a differ, all discounts of that order come out otherwise. A corpus in which it matters gets one more line with a new word, whose
n-grams are then the last ones and occur once, so that c = a = 1; how many that were is printed.
"""

import argparse
import random
import subprocess
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

TOLERANCE = 2e-6
BEGIN, END = "<s>", "</s>"


def corpus(rng: random.Random) -> list[list[str]]:
    """Lines of words whose frequencies fall by a power law, with phrases that come back."""
    vocabulary = rng.choice([2, 5, 20, 100, 500])
    weights = [1 / (i + 1) ** rng.choice([0.5, 1.0, 1.5]) for i in range(vocabulary)]
    word = lambda: f"w{rng.choices(range(vocabulary), weights)[0]}"
    lines: list[list[str]] = []
    for _ in range(rng.choice([1, 3, 10, 30, 100, 300])):
        line = [word() for _ in range(rng.randint(0, 12))]
        if lines and rng.random() < 0.3:
            line += rng.choice(lines)[: rng.randint(0, 8)]
        lines.append(line)
    if not any(lines):
        lines.append(["w0"])
    return lines


def error_matters(lines: list[list[str]], order: int) -> bool:
    """Whether c and a differ for one of the n-grams about which lmplz errs."""
    ids = {BEGIN: 1, END: 2}
    for line in lines:
        for word in line:
            ids.setdefault(word, len(ids) + 1)
    counts: Counter = Counter()
    before: dict = defaultdict(set)
    longest = []
    for line in lines:
        padded = [BEGIN, *line, END]
        for end in range(1, len(padded)):
            longest.append(tuple(padded[max(0, end + 1 - order) : end + 1]))
            for n in range(1, min(order, end + 1) + 1):
                gram = tuple(padded[end + 1 - n : end + 1])
                counts[gram] += 1
                if n <= end:
                    before[gram].add(padded[end - n])
    last = max(longest, key=lambda gram: [ids[word] for word in reversed(gram)])
    for n in range(1, min(order - 1, len(last)) + 1):
        gram = last[len(last) - n :]
        if gram[0] == BEGIN:
            continue
        c, a = counts[gram], len(before[gram])
        if c != a and min(c, a) < 5:
            return True
    return False


def arpa(text: str) -> dict[tuple[str, ...], tuple[float, float]]:
    """For each n-gram log10 p and log10 of its weight."""
    grams, order = {}, 0
    for line in text.split("\n"):
        if line.startswith("\\") and line.endswith("-grams:"):
            order = int(line[1:-7])
        elif order and "\t" in line:
            fields = line.split("\t")
            weight = float(fields[2]) if len(fields) > 2 else 0.0
            grams[tuple(fields[1].split(" "))] = (float(fields[0]), weight)
    return grams


def train(command: list, text: Path) -> dict:
    with text.open() as stdin:
        run = subprocess.run(list(map(str, command)), stdin=stdin, capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{command} failed:\n{run.stderr}")
    return arpa(run.stdout)


def compare(args, text: Path, order: int, prune: list[int]) -> float:
    """The largest difference. Raises if the n-grams differ."""
    theirs = [args.lmplz, "-o", order, "-S", "64M", "-T", text.parent, "--discount_fallback"]
    ours = [args.elman, "ngram", "train", "-", "-o", "-", "--order", order, "--memory", "16MB"]
    if prune:
        theirs += ["--prune", *prune]
        ours += ["--prune", ",".join(map(str, prune))]
    expected, found = train(theirs, text), train(ours, text)
    if expected.keys() != found.keys():
        odd = sorted(expected.keys() ^ found.keys())[:5]
        raise SystemExit(f"{text}, order {order}, pruned {prune}: other n-grams, such as {odd}")
    worst, where = 0.0, None
    for gram, (p, weight) in expected.items():
        differences = [abs(weight - found[gram][1])]
        if gram != (BEGIN,):
            differences.append(abs(p - found[gram][0]))
        if max(differences) > worst:
            worst, where = max(differences), gram
    if worst > TOLERANCE:
        raise SystemExit(
            f"order {order}, pruned {prune}: {where} has {found[where]}, lmplz {expected[where]}; the text:\n{text.read_text()}"
        )
    return worst


def thresholds(rng: random.Random, order: int) -> list[int]:
    """Counts up to which n-grams are left out: words never, and longer ones not less than shorter ones."""
    counts = sorted(rng.choice([0, 1, 1, 2, 3]) for _ in range(order - 1))
    return [0, *counts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lmplz", type=Path)
    parser.add_argument("elman", type=Path)
    parser.add_argument("--corpora", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--text", type=Path, action="append", default=[], help="a text to train on, as it is")
    parser.add_argument("--order", type=int, default=5, help="the order of models of such texts")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    worst, changed, pruned, orders = 0.0, 0, 0, Counter()
    with tempfile.TemporaryDirectory() as directory:
        text = Path(directory) / "text"
        for number in range(args.corpora):
            lines, order = corpus(rng), 1 + number % 7
            prune = thresholds(rng, order) if number % 2 else []
            if error_matters(lines, order):
                lines.append(["new"])
                changed += 1
            text.write_text("".join(" ".join(line) + "\n" for line in lines))
            worst = max(worst, compare(args, text, order, prune))
            pruned += any(prune)
            orders[order] += 1
        counts = ", ".join(f"{n} of order {order}" for order, n in sorted(orders.items()))
        print(f"{args.corpora} random corpora ({counts}; {pruned} pruned): the largest difference is {worst:.1e}")
        print(f"{changed} of them got a line more, because the error of lmplz would have mattered")
        for given in args.text:
            text.write_bytes(given.read_bytes())
            lines = [line.split() for line in given.read_text().splitlines()]
            matters = "matters" if error_matters(lines, args.order) else "does not matter"
            found = compare(args, text, args.order, [])
            print(f"{given}, order {args.order}: the largest difference is {found:.1e}; the error of lmplz {matters}")


if __name__ == "__main__":
    main()
