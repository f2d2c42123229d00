#!/usr/bin/env python3
"""PyTorch out of the box and at its best: `pytorch_lm.py` with every worthwhile choice of options.

    pip install torch
    apt install libtcmalloc-minimal4
    python bench/pytorch_best.py S M --work train score generate start --json pytorch.json

Each variant runs in a fresh process with its own environment; one that fails (a processor without bf16, no C++ compiler for
torch.compile, no tcmalloc) is reported and left out. `default` is what `python script.py` does: no option, no variable set. All
others are tuned: threads bound to processors, tcmalloc or huge pages, inference mode or fused optimiser. The number format of a
variant is f32, bf16 or int8; it is f32 only if its products are (see `matmul_error` in `pytorch_lm.py`). Nothing else should run on
the machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from configurations import CONFIGURATIONS

SCRIPT = Path(__file__).with_name("pytorch_lm.py")
TCMALLOC = "libtcmalloc_minimal.so.4"
HUGE = "huge-pages"
GLIBC = "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=8000000000:glibc.malloc.hugetlb=1"
WORKS = ["train", "score", "eval", "generate", "start"]
TIMEOUT = 150  # seconds for one variant, compilation included
STARTS = 7  # processes to start for a median
# What keeps PyTorch's libraries to an instruction set.
HELD = {"avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}}
ROUNDING = 1e-5  # a product whose relative error is larger was not made in f32


@dataclass(frozen=True)
class Variant:
    """One way to run PyTorch."""

    options: tuple = ()
    memory: str = "tcmalloc"  # or HUGE: glibc's malloc, told to keep what it has, in huge pages
    threads: int = 0  # 0: one for each processor
    tuned: bool = True
    isa: str | None = None  # of HELD

    @property
    def name(self) -> str:
        if not self.tuned:
            return "default"
        return " ".join([*self.options, self.memory] + [f"threads={self.threads}"] * bool(self.threads))


DEFAULT = Variant(tuned=False)


def variants(name: str, work: str, isa: str | None = None) -> list[Variant]:
    """What was the best for this work somewhere, and its neighbours; not every combination. `isa` holds all of them to it."""
    return [replace(variant, isa=isa) for variant in choices(name, work)]


def choices(name: str, work: str) -> list[Variant]:
    """`variants` on all that the processor has."""
    if work == "start":
        return [DEFAULT, Variant(("inference",)), Variant(("inference", "lazy"))]
    if work == "train":
        common, huge = "fused", ["onednn", "onednn compile", "onednn autocast", "onednn autocast compile"]
        small = ["", "onednn", "onednn autocast", "onednn autocast compile"]
        if CONFIGURATIONS[name].cell == "elman":  # training S it was slower, after a minute of compiling
            huge += ["onednn unroll", "onednn autocast unroll"]
    elif work in ("score", "eval"):
        common, huge = "inference", ["onednn", "onednn autocast", "bf16", "bf16 compile", "int8"]
        small = ["", "onednn", "onednn compile", "bf16", "int8"]
    else:
        common, huge = "inference", ["onednn", "onednn unroll freeze", "bf16 unroll freeze", "int8"]
        small = ["", "onednn", "bf16", "onednn jit", "bf16 jit", "onednn unroll freeze", "bf16 unroll freeze", "int8"]

    def made(names: list[str], **more) -> list[Variant]:
        return [Variant((common, *name.split()), **more) for name in names]

    alone = made(["onednn", "int8"], threads=1) if work == "generate" else []
    return [DEFAULT] + made(small) + made(huge, memory=HUGE) + alone


def environment(variant: Variant) -> dict:
    """The variables of a variant's process."""
    ours = ("OMP_", "GOMP_", "KMP_", "MKL_", "LD_PRELOAD", "GLIBC_TUNABLES")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    variables.update(HELD.get(variant.isa, {}))
    if variant.tuned:
        processors = sorted(os.sched_getaffinity(0))[: variant.threads or None]
        variables["OMP_NUM_THREADS"] = str(len(processors))
        variables["OMP_PROC_BIND"] = "close"
        variables["GOMP_CPU_AFFINITY"] = " ".join(map(str, processors))
        name, value = ("GLIBC_TUNABLES", GLIBC) if variant.memory == HUGE else ("LD_PRELOAD", TCMALLOC)
        variables[name] = value
    return variables


def spawn(arguments: list, variant: Variant) -> subprocess.Popen:
    command = [sys.executable, SCRIPT, *arguments]
    if variant.options:
        command += ["--options", *variant.options]
    return subprocess.Popen(command, env=environment(variant), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(arguments: list, variant: Variant) -> dict:
    """What the script printed, or `error`."""
    child = spawn(arguments, variant)
    try:
        out, err = child.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return {"error": f"not done after {TIMEOUT} seconds"}
    if "cannot be preloaded" in err:
        return {"error": f"{TCMALLOC} is missing (apt install libtcmalloc-minimal4)"}
    if child.returncode:
        return {"error": (err.strip().splitlines() or [f"exit code {child.returncode}"])[-1]}
    return json.loads(out) if out else {}


def start(name: str, variant: Variant) -> dict:
    """Milliseconds from the start of a process to its first token, and to no other."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "weights.pt"
        saved = run([name, "save", "--file", file], DEFAULT)
        if "error" in saved:
            return saved
        took = []
        for _ in range(STARTS + 1):
            since = time.perf_counter()
            child = spawn([name, "start", "--file", file], variant)
            first = child.stdout.readline()
            took.append((time.perf_counter() - since) * 1e3)
            _, err = child.communicate()
            if not first:
                return {"error": err.strip().splitlines()[-1]}
        result = json.loads(first)
    return {**result, "steps": STARTS, "step_ms": statistics.median(took[1:]), "step_ms_min": min(took[1:])}


def number_format(variant: Variant, result: dict) -> str:
    if "int8" in variant.options:
        return "int8"
    narrow = {"autocast", "bf16"} & set(variant.options) or result.get("matmul_error", 0) > ROUNDING
    return "bf16" if narrow else "f32"


def measure(name: str, work: str, variant: Variant, seconds: float) -> dict:
    """One result of one variant."""
    result = start(name, variant) if work == "start" else run([name, work, "--seconds", str(seconds)], variant)
    result.update(name=name, work=work, variant=variant.name, precision=number_format(variant, result))
    say("PyTorch", result)
    return result


def say(program: str, result: dict) -> None:
    """One line about a result, at once."""
    figures = result.get("error") or f"{result['step_ms']:10.2f} ms"
    if "peak_bytes" in result:
        figures += f" {result['peak_bytes'] / 2**20:8.0f} MiB"
    label = f"{program:7} {result['name']} {result['work']:9} {result.get('precision', '?'):5} {result['variant']:48}"
    print(label, figures, file=sys.stderr, flush=True)


def best(results: list[dict], formats: set, by: str = "step_ms") -> dict | None:
    """The result with the least time (or memory) in these number formats."""
    good = [r for r in results if "error" not in r and r["precision"] in formats]
    return min(good, key=lambda r: r[by], default=None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(CONFIGURATIONS), metavar="NAME", help="S M L E G C [default: all]")
    parser.add_argument("--work", nargs="+", choices=WORKS, default=WORKS)
    parser.add_argument("--mode", choices=["default", "best"], default="best", help="default: out of the box alone")
    parser.add_argument("--seconds", type=float, default=6, help="time to measure each variant for")
    parser.add_argument("--json", type=Path, help="write all results here")
    args = parser.parse_args()
    results = []
    for name in args.names:
        for work in args.work:
            chosen = variants(name, work) if args.mode == "best" else [DEFAULT]
            results += (mine := [measure(name, work, variant, args.seconds) for variant in chosen])
            for formats in ({"f32"}, {"bf16"}, {"int8"}):
                if found := best(mine, formats):
                    print(f"{name} {work}: best {found['precision']} is {found['variant']}, {found['step_ms']:.2f} ms")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
