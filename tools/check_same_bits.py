#!/usr/bin/env python3
"""Checks that a training run ends in the same checkpoint whatever happens on the way.

    tools/check_same_bits.py target/release/elman data/kjv.txt --steps 600

Trains the same run with one, two and four threads, then once more while it is killed (SIGKILL) ten
times at random moments and resumed each time; and a smaller run in f32 on every instruction set. Compares the
hash of the last checkpoint, which leaves out only the seconds that were spent. Exits with 1 if two differ.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("elman")
    parser.add_argument("text")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the kills")
    options = parser.parse_args()
    random.seed(options.seed)

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        size = ["--steps", str(options.steps)]
        hashes = {}
        for threads in [1, 2, 4]:
            started = time.monotonic()
            hashes[f"{threads} threads"] = train(options, folder / f"threads{threads}", size, threads)
            seconds = time.monotonic() - started
            print(f"{threads} threads: {hashes[f'{threads} threads']} in {seconds:.0f} s", flush=True)
        hashes["killed"] = train_killed(options, folder / "killed", size, seconds)
        same = compare(hashes)

        small = ["--steps", "40", "--hidden", "48", "--max-vocab", "500", "--vocab", "words", "--precision", "f32"]
        sets = {}
        for isa in ["avx512-bf16", "avx512", "avx2", "scalar"]:
            sets[isa] = train(options, folder / isa, [*small, "--isa", isa], 2)
            print(f"{isa}: {sets[isa]}", flush=True)
        same &= compare(sets)
    sys.exit(0 if same else 1)


def command(options, run, size, threads):
    return [options.elman, "train", options.text, "--run", str(run), "--threads", str(threads), "--quiet", *size]


def train(options, run, size, threads):
    """The checkpoint's hash; None where this CPU lacks the instruction set."""
    done = subprocess.run(command(options, run, size, threads), capture_output=True, text=True)
    if done.returncode == 2 and "--isa" in size:
        return None
    if done.returncode != 0:
        sys.exit(done.stderr)
    return checkpoint(options, run)


def train_killed(options, run, size, seconds):
    """As `train`, killed `--kills` times within about the time that the run takes."""
    kills = 0
    resume = [options.elman, "train", "--resume", str(run), "--threads", "2", "--quiet", "--save-every", "2"]
    start = [*command(options, run, size, 2), "--save-every", "2"]
    while kills < options.kills:
        begun = (run / "config.toml").exists()
        process = subprocess.Popen(resume if begun else start, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            process.wait(timeout=random.uniform(0.2, 1.4 * seconds / options.kills))
            if process.returncode != 0:
                sys.exit(process.stderr.read().decode())
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    done = subprocess.run(resume, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    result = checkpoint(options, run)
    print(f"killed {kills} times: {result}", flush=True)
    return result


def checkpoint(options, run):
    done = subprocess.run([options.elman, "info", str(run), "--json"], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["checkpoint"]["hash"]


def compare(hashes):
    known = {name: value for name, value in hashes.items() if value is not None}
    same = len(set(known.values())) == 1
    print("same checkpoint:" if same else "DIFFERENT checkpoints:", ", ".join(known), flush=True)
    return same


if __name__ == "__main__":
    main()
