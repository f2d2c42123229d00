#!/usr/bin/env python3
"""Checks our ARPA files, and our reading of other people's, against the Python package `kenlm`.

    pip install kenlm
    cargo build --release
    python tools/check_arpa.py target/release/elman ARPA... --text TEXT...

For every ARPA file that both programs accept, each line of each text is scored by both: the log10 probability of every token, the
length of the n-gram found and the sum of the line. Files that only one of them accepts are listed. An n-gram model of elman in
its compact form (*.bin) is compared through the ARPA file beside it.

Checked with kenlm 0.3.0.
"""

import argparse
import subprocess
import sys
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--text", nargs="+", type=Path, required=True)
    args = parser.parse_args()
    failed = False
    for path in args.models:
        try:
            model = kenlm.Model(str(path))
        except (RuntimeError, OSError) as error:
            model, refusal = None, str(error).split(" Byte: ")[0][-160:]
        for text in args.text:
            mine = ours(args.elman, path, text)
            if isinstance(mine, str) or model is None:
                print(f"{path}\n  elman: {mine if isinstance(mine, str) else 'reads it'}\n  kenlm: {'reads it' if model else refusal}")
                break
            worst, lengths, tokens = 0.0, 0, 0
            for our_line, their_line in zip(mine, theirs(model, text), strict=True):
                for (word, length, log10), (their_log10, their_length, _) in zip(our_line, their_line, strict=True):
                    worst = max(worst, abs(log10 - their_log10))
                    lengths += length != their_length
                    tokens += 1
            bad = worst > TOLERANCE or lengths
            failed |= bad
            print(f"{path} on {text}: {tokens} tokens, largest difference {worst:.2g}, other lengths {lengths}{'  FAILED' if bad else ''}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
