#!/usr/bin/env python3
"""Checks our ARPA files, and our reading of other people's, against the Python package `kenlm`.

    pip install kenlm
    cargo build --release
    python tools/check_arpa.py target/release/elman ARPA... [--text TEXT...]

For every ARPA file that both programs accept, each line of each text is scored by both: the log10 probability of every token must
agree to 1e-5 (of numbers beyond 1, such as the -100 of a missing <unk>, to a share of 1e-5). Other lengths of the n-gram found are
counted, too: kenlm counts n-grams as found that it has inserted because a longer one ends in them. Without a text, lines are made
of the model's own n-grams, words and unknown words. What a program says to a file that it refuses is shown. kenlm takes
no comment before \\data\\, no spaces for tabs and no empty orders, so it gets such files tidied.

Checked with kenlm 0.3.0.
"""

import argparse
import gzip
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import kenlm

TOLERANCE = 1e-5


def ours(elman: str, model: Path, text: Path) -> list[list[tuple[str, int, float]]] | str:
    """For each line: (word, length of the n-gram found, log10 p); or the message of a refusal."""
    run = subprocess.run([elman, "ngram", "eval", model, text, "--per-token"], capture_output=True, text=True)
    if run.returncode:
        return run.stderr.strip()
    lines, line = [], []
    for row in run.stdout.splitlines():
        word, log10, length = row.split("\t")
        line.append((word, int(length), float(log10)))
        if word == "<eos>":
            lines.append(line)
            line = []
    return lines


def theirs(model: kenlm.Model, text: Path) -> list[list[tuple[float, int, bool]]]:
    return [list(model.full_scores(line.rstrip("\n"))) for line in text.open(encoding="utf-8", newline="\n")]


def lines_of(model: Path) -> list[str]:
    with gzip.open(model, "rt", encoding="utf-8") if model.suffix == ".gz" else model.open(encoding="utf-8") as lines:
        return list(lines)


def tidy(model: Path, to: Path) -> Path:
    """The same n-grams as kenlm takes them."""
    lines = lines_of(model)
    order = 0
    with to.open("w", encoding="utf-8") as out:
        for line in lines[max(n for n, line in enumerate(lines) if line.rstrip() == "\\data\\") :]:
            fields = line.split()
            if line.startswith("\\"):
                order = int(line[1 : line.index("-")]) if "-grams:" in line else 0
                if f"ngram {order}=0\n" not in lines:
                    out.write("\n" + line)
            elif order and fields:
                out.write("\t".join([fields[0], " ".join(fields[1 : order + 1]), *fields[order + 1 :]]) + "\n")
            elif fields and not line.rstrip().endswith("=0"):
                out.write(line)
    return to


def made_of(model: Path, to: Path) -> Path:
    """A text of the words and n-grams in an ARPA file, and of words that it lacks."""
    words, grams, order = [], [], 0
    for line in lines_of(model):
        if line.startswith("\\") and line.rstrip().endswith("-grams:"):
            order = int(line[1 : line.index("-")])
        elif order and len(fields := line.split()) > order:
            gram = [word for word in fields[1 : order + 1] if word not in ("<s>", "</s>")]
            (words if order == 1 else grams).extend([gram] if gram else [])
    choose = random.Random(1)
    words.append(["neverheardof"])
    with to.open("w", encoding="utf-8") as out:
        for _ in range(2000):
            parts = (choose.choice(grams if grams and choose.random() < 0.7 else words) for _ in range(choose.randrange(8)))
            out.write(" ".join(word for part in parts for word in part) + "\n")
    return to


def compare(elman: str, path: Path, texts: list[Path] | None) -> bool:
    """Whether a model and its scores differ."""
    failed = False
    with tempfile.TemporaryDirectory() as directory:
        tidied = tidy(path, Path(directory) / "tidied.arpa")
        try:
            model, refusal = kenlm.Model(str(tidied)), None
        except (RuntimeError, OSError) as error:
            model, refusal = None, str(error).replace("\n", " ")[-200:]
        for text in texts or [made_of(path, Path(directory) / "text")]:
            mine = ours(elman, path, text)
            if isinstance(mine, str) or model is None:
                print(f"{path}\n  elman: {mine if isinstance(mine, str) else 'reads it'}\n  kenlm: {refusal or 'reads it'}")
                return False
            worst, lengths, tokens = 0.0, 0, 0
            for our_line, their_line in zip(mine, theirs(model, text), strict=True):
                for (_, length, log10), (their_log10, their_length, _) in zip(our_line, their_line, strict=True):
                    worst = max(worst, abs(log10 - their_log10) / max(1.0, abs(their_log10)))
                    lengths += length != their_length
                    tokens += 1
            bad = worst > TOLERANCE
            failed |= bad
            print(f"{path}: {tokens} tokens, largest difference {worst:.2g}, other lengths {lengths}{'  FAILED' if bad else ''}")
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--text", nargs="+", type=Path)
    args = parser.parse_args()
    return any([compare(args.elman, path, args.text) for path in args.models])


if __name__ == "__main__":
    sys.exit(main())
