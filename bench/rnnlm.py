#!/usr/bin/env python3
"""Networks beside faster-rnnlm, the fastest of the programs that followed Mikolov's rnnlm: test perplexity after equal time.

    # its source: github.com/yandex/faster-rnnlm; Eigen 3 is needed (apt install libeigen3-dev, and -I/usr/include/eigen3 in its Makefile)
    python bench/rnnlm.py target/release/elman faster-rnnlm/rnnlm TRAIN VALID TEST [--hidden 200] [--variants 0 4]

Its variants are those of its own benchmark: hierarchical softmax and noise-contrastive estimation, sigmoid units, truncated ReLU
and GRU; each trains with all threads until its own rule stops it, or for `--longest` seconds at most. elman then trains an LSTM of the same
width for as long as each took, with its defaults otherwise. Both keep every word of the training text; a word that is not
in it is `<unk>`, which both predict. Perplexities are of all tokens and line ends; faster-rnnlm begins each line from the zero
state, elman reads the text as one stream and, in a column of its own, line by line as well. Nothing else should run.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VARIANTS = {
    "sigmoid, hierarchical softmax": "--hidden-type sigmoid",
    "truncated ReLU, hierarchical softmax": "--hidden-type relu-trunc --diagonal-initialization 0.9",
    "GRU, hierarchical softmax": "--hidden-type gru-full --bptt 32 --bptt-skip 8",
    "sigmoid, NCE": "--hidden-type sigmoid --nce 20 --alpha 0.01 --bptt 32 --bptt-skip 8",
    "GRU, NCE": "--hidden-type gru-full --nce 20 --alpha 0.01 --bptt 32 --bptt-skip 8",
}


def run(command: list, limit: float | None = None) -> str:
    """What it printed. A run that takes longer than `limit` is stopped; faster-rnnlm keeps the best epoch's network."""
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout


def theirs(program: Path, options: str, hidden: int, longest: float, texts: list[Path], directory: Path) -> tuple[float, float]:
    """Seconds of training, and the perplexity of the test text."""
    model = directory / "rnnlm"
    for file in directory.glob("rnnlm*"):
        file.unlink()
    train, valid, test = texts
    began = time.perf_counter()
    threads = ["--threads", os.cpu_count()]
    run([program, "--rnnlm", model, "--train", train, "--valid", valid, "--hidden", hidden, *threads, *options.split()], longest)
    seconds = time.perf_counter() - began
    printed = run([program, "--rnnlm", model, "--test", test, "--nce-accurate-test", 1])
    bits = re.search(r"Test entropy:?\s+([\d.]+)", printed)
    if bits is None:
        raise SystemExit(f"faster-rnnlm says no entropy of the test text:\n{printed[-500:]}")
    return seconds, 2 ** float(bits[1])


def ours(elman: Path, seconds: float, hidden: int, texts: list[Path], directory: Path) -> list[float]:
    """The perplexities of the test text, as one stream and line by line, after training for so long."""
    train, valid, test = texts
    shape = ["--vocab", "whitespace", "--max-vocab", "all", "--hidden", hidden, "--minutes", seconds / 60]
    run([elman, "train", train, "--valid", valid, "-o", directory / "elman", "--force", "--quiet", *shape])
    evaluate = [elman, "eval", directory / "elman", test, "--json", "--layout"]
    return [json.loads(run([*evaluate, layout]))["perplexity"] for layout in ("stream", "sentences")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=Path)
    parser.add_argument("rnnlm", type=Path)
    parser.add_argument("texts", nargs=3, type=Path, metavar="TRAIN VALID TEST")
    parser.add_argument("--hidden", type=int, default=200)
    parser.add_argument("--longest", type=float, default=600, help="seconds of one training at most")
    parser.add_argument("--variants", type=int, nargs="+", default=range(len(VARIANTS)), help="which of them, from 0")
    args = parser.parse_args()
    print("| faster-rnnlm | its seconds | its perplexity | elman after as long | line by line |\n|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        for label, options in [list(VARIANTS.items())[number] for number in args.variants]:
            seconds, perplexity = theirs(args.rnnlm, options, args.hidden, args.longest, args.texts, directory)
            print(f"{label}: {seconds:.0f} s, {perplexity:.1f}", file=sys.stderr)
            stream, lines = ours(args.elman, seconds, args.hidden, args.texts, directory)
            print(f"| {label} | {seconds:.0f} | {perplexity:.1f} | {stream:.1f} | {lines:.1f} |", flush=True)


if __name__ == "__main__":
    main()
