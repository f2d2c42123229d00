#!/usr/bin/env python3
"""Prints what `readme.sh` has measured as Markdown: python bench/markdown.py DIRECTORY"""

import json
import math
import re
import sys
from pathlib import Path

from compare_pytorch import WORKS, pick

NAMES = {
    "train": "training, tokens/s",
    "score": "scoring many texts, tokens/s",
    "eval": "reading one long text, tokens/s",
    "generate": "generation, tokens/s",
    "start": "process start to the first token, ms",
    "memory": "peak memory of training, MiB",
}


def processor() -> str:
    """The processor's name, with the family and model that tell its generation."""
    text = Path("/proc/cpuinfo").read_text()
    find = {key: re.search(rf"^{key}\s*: (.*)$", text, re.MULTILINE) for key in ("model name", "cpu family", "model")}
    name, family, model = (match[1] if match else "unknown" for match in find.values())
    return f"{name} (family {family}, model {model})"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def figure(result: dict, by: str) -> str:
    if by == "peak_bytes":
        return f"{result[by] / 2**20:,.0f}"
    return f"{result['tokens_per_s']:,.0f}" if "tokens_per_s" in result else f"{result[by]:,.0f}"


def ratios(results: dict) -> str:
    """A row for each kind of work, a column for each configuration: elman's figure, PyTorch's, and how many times better elman is."""
    names = list(dict.fromkeys(result["name"] for result in results["elman"]))
    rows = []
    for work in WORKS:
        measured, by = ("train", "peak_bytes") if work == "memory" else (work, "step_ms")
        for column in ("best", "out of the box", "f32", "int8"):
            row = []
            for name in names:
                sides = (
                    [r for r in results[side] if (r["name"], r["work"]) == (name, measured) and ("error" in r or by in r)]
                    for side in ("elman", "pytorch")
                )
                our, their = (pick(side, column, by) for side in sides)
                row.append(f"{figure(our, by)} : {figure(their, by)} = {their[by] / our[by]:.2f}" if our and their else "")
            if any(row):
                rows.append([f"{NAMES[work]}, {column}", *row])
    return table(["elman : PyTorch = ratio", *names], rows)


def main() -> None:
    kept = Path(sys.argv[1])
    shares = json.loads((kept / "shares.json").read_text())
    machine, peaks = shares["machine"], shares["machine"]["peaks"]
    print(f"## {processor()}, {machine['threads']} threads, {machine['isa']}\n")
    end = json.loads((kept / "first.json").read_text().splitlines()[-1])
    perplexity = math.exp(end["best"]["loss_nats"])
    print(f"`elman train data/kjv.txt`: {end['seconds']:.0f} s, validation perplexity {perplexity:.2f}\n")
    read = ", ".join(f"{level} {rate:.0f}" for level, rate in peaks["read_gb_per_s"].items())
    print(f"f32 {peaks['f32_gflops']:.0f} GFLOP/s; reading, GB/s: {read}\n")
    results = shares["results"]
    rows = [["ms a step", *(f"{r['step_ms']:.1f}" for r in results)]]
    rows.append(["share of the f32 peak", *(f"{r['share_of_peak'] * 100:.0f} %" for r in results)])
    print(table(["training in f32", *(r["name"] for r in results)], rows) + "\n")
    for name in ("training", "inference"):
        if (kept / f"{name}.json").exists():
            print(ratios(json.loads((kept / f"{name}.json").read_text())) + "\n")
    for name in ("kenlm", "rnnlm"):
        if (kept / f"{name}.md").exists():
            print((kept / f"{name}.md").read_text())


if __name__ == "__main__":
    main()
