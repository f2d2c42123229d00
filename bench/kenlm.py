#!/usr/bin/env python3
"""n-gram models beside KenLM: perplexity, time and memory of training, size on disk, words per second.

    cargo build --release
    # KenLM from its source package (cmake, a C++ compiler, Boost and zlib are needed):
    #   pip download --no-deps --no-binary :all: --no-build-isolation kenlm && tar xzf kenlm-*.tar.gz
    #   cmake -S kenlm-* -B kenlm-build -DCMAKE_BUILD_TYPE=Release && make -C kenlm-build lmplz build_binary query
    python bench/kenlm.py target/release/elman kenlm-build/bin TRAIN TEST... [--orders 3 5] [--runs 5]

Both programs get the same texts, in which `<unk>` is written UNK_, because lmplz refuses the word itself. Runs alternate; a
Markdown table of medians is printed. `query` reads KenLM's default binary (probing), elman its compact form; both print
summaries only. Queries are timed on the training text (long enough to time) less the time of an almost empty one (loading).
Nothing else should run on the machine.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def run(command: list, stdin: Path | None = None, stdout: Path | None = None) -> tuple[float, float, str]:
    """Seconds, peak MiB, and what was printed (standard error, then standard output where it is not a file)."""
    with open(stdin or os.devnull, "rb") as source, tempfile.TemporaryFile() as err, open(stdout or tempfile.mktemp(), "w+b") as out:
        began = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stdin=source, stdout=out, stderr=err)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        text = err.read().decode()
        if stdout is None:
            out.seek(0)
            text += out.read().decode()
            os.unlink(out.name)
        if child.returncode:
            raise SystemExit(f"{command}: exit code {child.returncode}\n{text}")
    return seconds, usage.ru_maxrss / 1024, text


def both(runs: int, theirs, ours) -> tuple[list, list]:
    """Runs both in turn."""
    results = [(theirs(), ours()) for _ in range(runs)]
    return [pair[0] for pair in results], [pair[1] for pair in results]


class Table:
    """A column for each program and order, a row for each measure."""

    def __init__(self, orders: list[int]):
        self.head = [f"order {order}: {program}" for order in orders for program in ("KenLM", "elman")]
        self.rows: dict[str, list[str]] = {}

    def add(self, label: str, theirs: list[float], ours: list[float], digits: int = 2) -> None:
        figures = [f"{statistics.median(values):,.{digits}f}" for values in (theirs, ours)]
        print(f"{label}: {figures[0]} and {figures[1]}", file=sys.stderr)
        self.rows.setdefault(label, []).extend(figures)

    def markdown(self) -> str:
        lines = ["| | " + " | ".join(self.head) + " |", "|---|" + "--:|" * len(self.head)]
        return "\n".join(lines + [f"| {label} | " + " | ".join(row) + " |" for label, row in self.rows.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=Path)
    parser.add_argument("kenlm", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("tests", nargs="+", type=Path)
    parser.add_argument("--orders", nargs="+", type=int, default=[3, 5])
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)

        def renamed(text: Path) -> Path:
            path = work / text.name
            path.write_text(text.read_text(encoding="utf-8").replace("<unk>", "UNK_"), encoding="utf-8")
            return path

        train, tests = renamed(args.train), [renamed(test) for test in args.tests]
        short = work / "short"
        short.write_text("the\n")
        words = len(train.read_text(encoding="utf-8").split()) + train.read_bytes().count(b"\n")
        table = Table(args.orders)
        for order in args.orders:
            k_arpa, k_bin, e_arpa, e_bin = (work / name for name in ("k.arpa", "k.bin", "e.arpa", "e.bin"))
            theirs, ours = both(
                args.runs,
                lambda: run([args.kenlm / "lmplz", "-o", order], train, k_arpa),
                lambda: run([args.elman, "ngram", "train", train, "-n", order, "--force", "-o", e_arpa]),
            )
            table.add("training to an ARPA file, s", [r[0] for r in theirs], [r[0] for r in ours])
            table.add("peak memory of that, MiB", [r[1] for r in theirs], [r[1] for r in ours], 0)
            run([args.kenlm / "build_binary", k_arpa, k_bin])
            run([args.elman, "ngram", "convert", "--force", e_arpa, e_bin])
            table.add("binary on disk, MB", [k_bin.stat().st_size / 1e6], [e_bin.stat().st_size / 1e6], 1)
            for test in tests:
                k = re.search(r"including OOVs:\s*([\d.]+)", run([args.kenlm / "query", "-v", "summary", k_bin], test)[2])
                e = json.loads(run([args.elman, "ngram", "eval", e_bin, test, "--json"])[2])
                table.add(f"perplexity of {test.name}", [float(k[1])], [e["perplexity"]])

            def query(text: Path):
                return lambda: run([args.kenlm / "query", "-v", "summary", k_bin], text)[0]

            def evaluate(text: Path):
                return lambda: run([args.elman, "ngram", "eval", e_bin, text, "--json"])[0]

            k_load, e_load = both(args.runs, query(short), evaluate(short))
            table.add("start-up, ms (elman checks every byte)", [s * 1e3 for s in k_load], [s * 1e3 for s in e_load], 0)
            k_all, e_all = both(args.runs, query(train), evaluate(train))
            k_load, e_load = statistics.median(k_load), statistics.median(e_load)
            a_second = [[words / (s - load) / 1e6 for s in seconds] for seconds, load in ((k_all, k_load), (e_all, e_load))]
            table.add("words a second, reading text included, in millions", *a_second, 1)
        print(table.markdown())


if __name__ == "__main__":
    main()
