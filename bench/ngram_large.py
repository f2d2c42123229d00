#!/usr/bin/env python3
"""n-gram models of a large text beside KenLM: text to ARPA file, and text to binary; time, peak memory, size.

    cargo build --release
    python bench/ngram_corpus.py 100000000 > 100m.txt
    python bench/ngram_large.py target/release/elman kenlm-build/bin 100m.txt [--memory 1GiB] [--work DIR] [--json FILE]

`kenlm.py` says how to build KenLM. Both programs read the same text, order 5, no pruning. KenLM makes a binary with two
commands (lmplz, build_binary), elman with one; the time and the scratch space of lmplz are counted once for each of its
binaries. lmplz gets the same --memory. Peak memory is the resident set of all processes of a command together, looked at
every 20 ms, or the largest one that the system reports for a single process if that is more; the largest space in the
directory of scratch files and outputs is looked at as well. The two ARPA files must list the same numbers of n-grams, and
the sums of log10 p and of log10 back-off weights of each order must agree. Outputs are deleted as soon as they are not
needed: DIR needs about 35 times the size of the text. Nothing else should run on the machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def processor() -> str:
    """Name, family and model of the processor, and how many of them."""
    lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    said = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    family, model = said.get("cpu family", "?"), said.get("model", "?")
    return f"{os.cpu_count()} x {said.get('model name', 'unknown')} (family {family}, model {model})"


def resident(root: int) -> int:
    """Bytes of the resident sets of a process and all that descend from it."""
    parents, sizes = {}, {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)], sizes[int(entry.name)] = int(fields[1]), int(fields[21]) * PAGE

    def descends(pid: int) -> bool:
        while pid in parents:
            if pid == root:
                return True
            pid = parents[pid]
        return False

    return sum(size for pid, size in sizes.items() if descends(pid))


def used(directory: Path) -> int:
    """Bytes of a file system that are in use: scratch files have no names."""
    found = os.statvfs(directory)
    return (found.f_blocks - found.f_bfree) * found.f_frsize


def run(work: Path, *commands: list) -> dict:
    """Runs commands one after the other; their wall seconds, CPU seconds, peak memory and peak space on disk."""
    total = {"seconds": 0.0, "cpu": 0.0, "memory": 0, "disk": 0}
    before = used(work)
    for command in commands:
        with tempfile.TemporaryFile() as err:
            began = time.perf_counter()
            child = subprocess.Popen([str(part) for part in command], stdout=err, stderr=err)
            ended = threading.Event()

            def watch(pid: int = child.pid, ended: threading.Event = ended) -> None:
                while not ended.wait(0.02):
                    total["memory"] = max(total["memory"], resident(pid))
                    total["disk"] = max(total["disk"], used(work) - before)

            watcher = threading.Thread(target=watch)
            watcher.start()
            _, status, usage = os.wait4(child.pid, 0)
            total["seconds"] += time.perf_counter() - began
            ended.set()
            watcher.join()
            child.returncode = os.waitstatus_to_exitcode(status)
            total["cpu"] += usage.ru_utime + usage.ru_stime
            total["memory"] = max(total["memory"], usage.ru_maxrss * 1024)
            if child.returncode:
                err.seek(0)
                raise SystemExit(f"{command}: exit code {child.returncode}\n{err.read().decode()}")
    return total


def sums(arpa: Path) -> dict:
    """For each order the number of n-grams, the sum of log10 p and that of log10 back-off weights; `<s>` is never predicted."""
    script = r"""
        /^\\[0-9]+-grams:/ { order = substr($0, 2) + 0; next }
        /^\\end\\/ { exit }
        order && NF == 0 { next }
        order { n[order]++; words = split($2, w, " "); if (w[words] != "<s>") p[order] += $1; b[order] += $3 }
        END { for (order in n) printf "%d %d %.3f %.3f\n", order, n[order], p[order], b[order] }
    """
    found = subprocess.run(["awk", "-F\t", script, arpa], capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C"})
    rows = [line.split() for line in found.stdout.splitlines()]
    return {int(order): (int(n), float(p), float(b)) for order, n, p, b in rows}


def compare(ours: dict, theirs: dict) -> None:
    """Ends the program if the probabilities are not the same. Each number has an error of 1e-7 of itself or less."""
    for order, (n, p, b) in sorted(theirs.items()):
        other = ours.get(order, (0, 0.0, 0.0))
        near = all(abs(x - y) <= 1e-6 * max(abs(x), abs(y), 1.0) for x, y in ((p, other[1]), (b, other[2])))
        print(f"  order {order}: {n:,} n-grams, sums of log10 p and of log10 weights: KenLM {p:.3f} {b:.3f}, elman {other[1]:.3f} {other[2]:.3f}")
        if n != other[0] or not near:
            raise SystemExit(f"order {order} differs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=Path)
    parser.add_argument("kenlm", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--memory", default="1GiB")
    parser.add_argument("--order", type=int, default=5)
    parser.add_argument("--work", type=Path, default=Path("."), help="directory of scratch files and outputs")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    args = parser.parse_args()
    results = {"processor": processor(), "text": args.text.stat().st_size, "memory": args.memory, "order": args.order}
    print(f"{results['processor']}\n{args.text} ({results['text'] / 1e6:.0f} MB), order {args.order}, --memory {args.memory}")
    with tempfile.TemporaryDirectory(dir=args.work) as directory:
        work = Path(directory)
        k_arpa, k_bin, e_arpa, e_bin = (work / name for name in ("k.arpa", "k.bin", "e.arpa", "e.bin"))
        memory = args.memory.replace("iB", "")  # lmplz's suffixes are binary

        def note(what: str, output: Path, found: dict) -> dict:
            found["bytes"] = output.stat().st_size
            results[what] = found
            gb = [found[key] / 1e9 for key in ("memory", "disk", "bytes")]
            print(
                f"  {what:32} {found['seconds']:8.1f} s {found['cpu']:8.1f} CPU s   peak {gb[0]:6.2f} GB   disk {gb[1]:6.2f} GB   file {gb[2]:6.2f} GB",
                flush=True,
            )
            return found

        lmplz = [args.kenlm / "lmplz", "-o", args.order, "-S", memory, "-T", work, "--text", args.text, "--arpa", k_arpa, "--discount_fallback"]
        train = [args.elman, "ngram", "train", "--force", args.text, "-n", args.order, "--memory", args.memory, "--scratch", work, "-o"]
        theirs = note("KenLM: text to ARPA", k_arpa, run(work, lmplz))
        of_kenlm = sums(k_arpa)
        binaries = {}
        for kind in ("probing", "trie"):
            build = [args.kenlm / "build_binary", "-T", work / "t", "-S", memory, kind, k_arpa, k_bin]
            made = note(f"KenLM: ARPA to {kind}", k_bin, run(work, build))
            binaries[kind] = {**made, "seconds": made["seconds"] + theirs["seconds"], "memory": max(made["memory"], theirs["memory"])}
            k_bin.unlink()
        k_arpa.unlink()
        ours = note("elman: text to ARPA", e_arpa, run(work, [*train, e_arpa]))
        compare(sums(e_arpa), of_kenlm)
        convert = [args.elman, "ngram", "convert", "--force", "--memory", args.memory, "--scratch", work]
        note("elman: ARPA to .bin", e_bin, run(work, [*convert, e_arpa, e_bin]))
        e_arpa.unlink()
        note("elman: .bin to ARPA", e_arpa, run(work, [*convert, e_bin, e_arpa]))
        e_arpa.unlink()
        e_bin.unlink()
        binary = note("elman: text to .bin", e_bin, run(work, [*train, e_bin]))
        print("ratios (KenLM / elman; above 1 is better for elman)")
        rows = [("text to ARPA", theirs, ours), *((f"text to binary, {kind}", made, binary) for kind, made in binaries.items())]
        for what, kenlm, elman in rows:
            ratios = {key: kenlm[key] / elman[key] for key in ("seconds", "memory", "bytes")}
            results[f"ratio: {what}"] = ratios
            print(f"  {what:32} time {ratios['seconds']:5.2f}   memory {ratios['memory']:5.2f}   file {ratios['bytes']:5.2f}")
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
