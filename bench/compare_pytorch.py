#!/usr/bin/env python3
"""elman beside PyTorch: speed of training, scoring and generation, time to the first token, peak memory; with ratios.

    cargo build --release
    pip install torch
    apt install libtcmalloc-minimal4
    python bench/compare_pytorch.py target/release/elman S M --work train score generate start memory --json both.json

For each configuration and kind of work, elman and PyTorch run in turn, each measurement in a process of its own. elman's figures
are those of `elman bench`; PyTorch's are those of `pytorch_best.py`: out of the box, and the best of many tuned variants in every
number format. Out of the box means no option at all on both sides. A ratio says how many times better elman is: PyTorch's time (or
memory) over elman's. Memory is the peak of a training process; PyTorch's best is the least of its variants. `start` is the time
from starting a process until it has printed a token of a model of that size, read from files; both are timed from outside.
Nothing else should run on the machine.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from configurations import CONFIGURATIONS
from pytorch_best import STARTS, best, measure, say, variants

WORKS = ["train", "score", "generate", "start", "memory"]
FORMATS = {"train": ["f32", "bf16"], "score": ["f32", "bf16", "int8"], "generate": ["f32", "bf16", "int8"]}
NARROW = {"bf16", "int8"}


def elman_bench(elman: Path, name: str, work: str, number_format: str | None, seconds: float) -> dict:
    """A result of `elman bench`, with the `machine` beside it, or `error`."""
    option = [] if number_format is None else ["--precision" if work == "train" else "--weights", number_format]
    command = [elman, "bench", name, "--work", work, "--seconds", str(seconds), "--json", *option]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[0]}
    report = json.loads(done.stdout)
    return {**report["results"][0], "machine": report["machine"]}


def elman_start(elman: Path, name: str) -> dict:
    """Milliseconds from the start of `elman generate` until it prints the first token."""
    with tempfile.TemporaryDirectory() as directory:
        made = train_one_step(elman, name, Path(directory))
        if made.returncode:
            return {"error": made.stderr.strip().splitlines()[0]}
        took = []
        for _ in range(STARTS + 1):  # the first one warms the files up
            since = time.perf_counter()
            command = [elman, "generate", Path(directory) / "run", "--max-tokens", "1", "--ignore-eos"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
                first = child.stdout.read(1)
                took.append((time.perf_counter() - since) * 1e3)
            if not first:
                return {"error": "it printed no token"}
    return {"steps": STARTS, "step_ms": statistics.median(took[1:]), "step_ms_min": min(took[1:])}


def train_one_step(elman: Path, name: str, directory: Path) -> subprocess.CompletedProcess:
    """Makes a model of a configuration's size in `directory`/run: one step on a text of as many words as its vocabulary has."""
    shape = CONFIGURATIONS[name]
    words = [f"w{number}" for number in range(shape.vocabulary - 2)]  # besides <eos> and <unk>
    lines = [" ".join(words[start : start + 20]) + "\n" for start in range(0, len(words), 20)]
    text, valid = directory / "text", directory / "valid"
    text.write_text("".join(lines), encoding="utf-8")
    valid.write_text(lines[0], encoding="utf-8")
    command = [elman, "train", text, "--valid", valid, "--run", directory / "run", "--steps", 1, "--no-tied"]
    command += ["--vocab", "whitespace", "--max-vocab", "all", "--cell", shape.cell, "--layers", shape.layers]
    command += ["--hidden", shape.hidden, "--embed", shape.hidden]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)


def elman_results(elman: Path, name: str, work: str, seconds: float) -> list[dict]:
    """Out of the box (`variant` default), then in every number format."""
    if work == "start":
        results = [{"variant": "default", "precision": "f32", **elman_start(elman, name)}]
    else:
        default = {"variant": "default", **elman_bench(elman, name, work, None, seconds)}
        results = [default]
        for number_format in FORMATS[work]:
            asked = elman_bench(elman, name, work, number_format, seconds)
            results.append({"precision": number_format, **asked, "variant": number_format})
    for result in results:
        result.update(name=name, work=work)
        say("elman", result)
    return results


def pick(results: list[dict], by: str) -> dict:
    """The default and the best in each of the columns of the table."""
    return {
        "default": next((r for r in results if r["variant"] == "default" and "error" not in r), None),
        "f32": best(results, {"f32"}, by),
        "narrow": best(results, NARROW, by),
        "best": best(results, {"f32"} | NARROW, by),
    }


def cell(result: dict | None, by: str, with_variant: bool) -> str:
    """A figure of the table: tokens/s, ms for `start`, MiB for memory."""
    if result is None:
        return "-"
    if by == "peak_bytes":
        figure = f"{result[by] / 2**20:,.0f}"
    else:
        figure = f"{result['tokens_per_s']:,.0f}" if "tokens_per_s" in result else f"{result[by]:,.1f}"
    if not with_variant:
        return figure
    return f"{figure} ({result['precision']}: {result['variant']})"


def row(name: str, work: str, theirs: dict, ours: dict, by: str) -> list[str]:
    ratios = [
        f"{theirs[column][by] / ours[column][by]:.2f}" if theirs[column] and ours[column] else "-"
        for column in ("f32", "narrow", "best", "default")
    ]
    unit = "MiB" if by == "peak_bytes" else "ms" if work == "start" else "tokens/s"
    figures = [cell(theirs["default"], by, False), cell(theirs["f32"], by, True), cell(theirs["narrow"], by, True)]
    figures += [cell(ours[column], by, column == "narrow") for column in ("default", "f32", "narrow")]
    return [name, work, unit, *figures, *ratios]


HEAD = ["", "work", "unit", "PyTorch default", "best f32", "best bf16/int8", "elman default", "f32", "bf16/int8"]
HEAD += ["ratio f32", "bf16/int8", "best", "default"]


def table(rows: list[list[str]]) -> str:
    """The rows as a Markdown table."""
    lines = [HEAD, ["---"] * len(HEAD), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=Path)
    parser.add_argument("names", nargs="*", default=["S", "M"], metavar="NAME", help="S M L E G C [default: S M]")
    parser.add_argument("--work", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--seconds", type=float, default=6, help="time for each measurement")
    parser.add_argument("--json", type=Path, help="write all results here")
    args = parser.parse_args()
    works = [work for work in args.work if work != "memory"]
    if "memory" in args.work and "train" not in works:
        works.insert(0, "train")
    rows, results = [], {"elman": [], "pytorch": []}
    for name in args.names:
        for work in works:
            ours = elman_results(args.elman, name, work, args.seconds)
            theirs = [measure(name, work, variant, args.seconds) for variant in variants(name, work)]
            results["elman"] += ours
            results["pytorch"] += theirs
            measures = {"step_ms": work} if work in args.work else {}
            if work == "train" and "memory" in args.work:
                measures["peak_bytes"] = "memory"
            for by, label in measures.items():
                rows.append(row(name, label, pick(theirs, by), pick(ours, by), by))
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
