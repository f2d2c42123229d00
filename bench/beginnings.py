#!/usr/bin/env python3
"""What the beginnings of texts cost: lines read alone beside the same lines read as one stream.

    python bench/beginnings.py target/release/elman held-out.txt runs/kjv runs/sentences

For every run it prints the mean loss in nats at positions 1 to 10 of the first 400 lines of the text, each read by itself from
the zero state; the perplexity of its first forty lines read so, and read as one stream; the ratio of the two; and the same ratio
without the first token of each line, which nothing can predict as well from a beginning as from the line before. Last come the
perplexity of the whole text as one stream and an unprompted sample.
"""

import argparse
import json
import math
import subprocess
import tempfile
from pathlib import Path

LINES, FEW, POSITIONS = 400, 40, 10
# As `elman eval --per-token` writes them.
LINE_ENDS = {"<eos>", "\\n"}


def output(*command: object) -> str:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True).stdout


def nats_by_line(elman: Path, run: Path, text: str, layout: str) -> list[list[float]]:
    """-ln of the probability of each token, line by line. Tokens are counted on each line by itself."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(text)
        file.flush()
        printed = output(elman, "eval", run, file.name, "--layout", layout, "--per-token")
    lines, line = [], []
    for row in printed.splitlines():
        token, log10 = row.split("\t")[:2]
        line.append(-float(log10) * math.log(10))
        if token in LINE_ENDS:
            lines.append(line)
            line = []
    return lines


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("runs", type=Path, nargs="+", metavar="run")
    arguments = parser.parse_args()
    elman, text = arguments.elman, arguments.text.read_text()
    lines = text.splitlines(keepends=True)
    for run in arguments.runs:
        alone = nats_by_line(elman, run, "".join(lines[:LINES]), "sentences")
        at = [mean([line[i] for line in alone if len(line) > i]) for i in range(POSITIONS)]
        print(run, "positions 1 to 10:", *(f"{nats:.2f}" for nats in at))
        few = "".join(lines[:FEW])
        both = [nats_by_line(elman, run, few, layout) for layout in ("sentences", "stream")]
        whole = [math.exp(mean([nats for line in read for nats in line])) for read in both]
        rest = [math.exp(mean([nats for line in read for nats in line[1:]])) for read in both]
        print(f"  {FEW} lines alone {whole[0]:.2f}, as one stream {whole[1]:.2f}: ratio {whole[0] / whole[1]:.3f},",
              f"without first tokens {rest[0] / rest[1]:.3f}")
        stream = json.loads(output(elman, "eval", run, arguments.text, "--layout", "stream", "--json"))
        print(f"  the whole text as one stream: {stream['perplexity']:.2f}")
        print("  sample:", output(elman, "generate", run, "--max-tokens", 40, "--seed", 1).strip())


if __name__ == "__main__":
    main()
