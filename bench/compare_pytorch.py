#!/usr/bin/env python3
"""elman beside PyTorch: speed of training, scoring and generation, time to the first token, peak memory; with ratios.

    cargo build --release
    pip install torch
    apt install libtcmalloc-minimal4
    python bench/compare_pytorch.py target/release/elman S M --work train score generate start memory --json both.json

For each configuration and kind of work, elman and PyTorch run in turn, each measurement in a process of its own. elman's figures
are those of `elman bench`; PyTorch's are those of `pytorch_best.py`: out of the box, and the best of many tuned variants in every
number format. Out of the box means no option at all on both sides. A ratio says how many times better elman is: PyTorch's time or
memory over elman's. Memory is the peak of a training process; PyTorch's best is the least of its variants. `start` is the time
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
from pytorch_best import HELD, STARTS, best, measure, say, variants

WORKS = ["train", "score", "eval", "generate", "start", "memory"]
FORMATS = {"train": ["f32", "bf16"], "score": ["f32", "bf16", "int8"], "eval": ["f32", "bf16", "int8"], "generate": ["f32", "bf16", "int8"]}


def elman_bench(elman: Path, name: str, work: str, number_format: str | None, seconds: float, isa: str | None) -> dict:
    """A result of `elman bench`, with the `machine` beside it, or `error`."""
    option = [] if number_format is None else ["--precision" if work == "train" else "--weights", number_format]
    command = [elman, "bench", name, "--work", work, "--seconds", str(seconds), "--json", *option]
    command += [] if isa is None else ["--isa", isa]
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


def elman_results(elman: Path, name: str, work: str, seconds: float, isa: str | None) -> list[dict]:
    """Out of the box (`variant` default), then in every number format."""
    if work == "start":
        results = [{"variant": "default", "precision": "f32", **elman_start(elman, name)}]
    else:
        default = {"variant": "default", **elman_bench(elman, name, work, None, seconds, isa)}
        results = [default]
        for number_format in FORMATS[work]:
            asked = elman_bench(elman, name, work, number_format, seconds, isa)
            results.append({"precision": number_format, **asked, "variant": number_format})
    for result in results:
        result.update(name=name, work=work)
        say("elman", result)
    return results


def pick(results: list[dict], column: str, by: str) -> dict | None:
    """The result out of the box, or the best in a number format, or the best of all."""
    if column == "out of the box":
        return next((result for result in results if result["variant"] == "default" and "error" not in result), None)
    return best(results, {column} if column in FORMATS["score"] else set(FORMATS["score"]), by)


def figure(result: dict | None, by: str) -> str:
    """What the table says of a result: MiB of memory, tokens a second, or milliseconds."""
    if result is None:
        return "-"
    if by == "peak_bytes":
        return f"{result[by] / 2**20:,.0f} MiB"
    return f"{result['tokens_per_s']:,.0f} tokens/s" if "tokens_per_s" in result else f"{result[by]:,.1f} ms"


def rows(name: str, work: str, theirs: list[dict], ours: list[dict], by: str) -> list[list[str]]:
    """A line for each number format that one of them has, out of the box before and the best of all after them."""
    lines = []
    for column in ["out of the box", *FORMATS["score"], "best"]:
        their, our = pick(theirs, column, by), pick(ours, column, by)
        if their is None and our is None:
            continue
        ratio = f"{their[by] / our[by]:.2f}" if their and our else "-"
        variants = [f"{result['precision']}: {result['variant']}" if result else "" for result in (their, our)]
        lines.append([name, work, column, figure(their, by), variants[0], figure(our, by), variants[1], ratio])
    return lines


def table(lines: list[list[str]]) -> str:
    """The lines as a Markdown table."""
    head = ["", "work", "", "PyTorch", "its variant", "elman", "its variant", "ratio"]
    padded = [head, ["---"] * len(head), *lines]
    widths = [max(map(len, column)) for column in zip(*padded, strict=True)]
    return "\n".join(
        "| " + " | ".join(part.ljust(width) for part, width in zip(line, widths, strict=True)) + " |" for line in padded
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=Path)
    parser.add_argument("names", nargs="*", default=["S", "M"], metavar="NAME", help="S M L E G C [default: S M]")
    parser.add_argument("--work", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--seconds", type=float, default=6, help="time for each measurement")
    parser.add_argument("--isa", choices=HELD, help="hold both programs to an instruction set [default: all that the processor has]")
    parser.add_argument("--json", type=Path, help="write all results here")
    args = parser.parse_args()
    works = [work for work in args.work if work != "memory"]
    if "memory" in args.work and "train" not in works:
        works.insert(0, "train")
    lines, results = [], {"elman": [], "pytorch": []}
    for name in args.names:
        for work in works:
            ours = elman_results(args.elman, name, work, args.seconds, args.isa)
            theirs = [measure(name, work, variant, args.seconds) for variant in variants(name, work, args.isa)]
            results["elman"] += ours
            results["pytorch"] += theirs
            measures = {"step_ms": work} if work in args.work else {}
            if work == "train" and "memory" in args.work:
                measures["peak_bytes"] = "memory"
            for by, label in measures.items():
                lines += rows(name, label, theirs, ours, by)
    print(table(lines))
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
