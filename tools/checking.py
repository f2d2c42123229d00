"""Functions that the scripts tools/check_*.py share: comparisons that are printed, and elman's models in other runtimes.

A script that uses one of them needs the packages of that function only.
"""

import importlib.util
import json
import pathlib
import subprocess


class Checks:
    """Comparisons, each of which prints a line; `good` is whether all of them fit."""

    def __init__(self, tolerance=0.0, relative=False):
        """tolerance: largest difference of two numbers that fits; relative: in units of the largest number, where that is above 1."""
        self.good, self.tolerance, self.relative = True, tolerance, relative

    def fits(self, what, fits, shown):
        self.good = self.good and bool(fits)
        print(f"{what:60} {shown} {'ok' if fits else 'WRONG'}", flush=True)

    def same(self, what, ours, theirs):
        """Compares two lists, arrays or tensors of numbers and prints the largest difference. None at all do not fit."""
        import numpy

        ours, theirs = (numpy.asarray(numbers, dtype=numpy.float64) for numbers in (ours, theirs))
        fits = ours.shape == theirs.shape and ours.size > 0
        error = float(numpy.abs(ours - theirs).max()) if fits else float("nan")
        if fits and self.relative:
            error /= max(1.0, float(numpy.abs(theirs).max()))
        self.fits(what, fits and error <= self.tolerance, f"{error:.1e}")  # false for NaN, too

    def equal(self, what, ours, theirs):
        self.fits(what, ours == theirs, f"{len(ours)} equal" if ours == theirs else f"{ours!r} is not {theirs!r}")


def scored_lines(elman, model, lines, *options):
    """What `elman score` prints of each line, in nats."""
    command = [elman, "score", model, "--unit", "nats", "--format", "jsonl", *options]
    text = "".join(line + "\n" for line in lines)
    output = subprocess.run(command, input=text.encode(), capture_output=True, check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def torch_model(folder):
    """The module of `elman export --to pytorch`, loaded by the script in the directory."""
    spec = importlib.util.spec_from_file_location("elman_torch", pathlib.Path(folder) / "elman_torch.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script.load(folder)


def onnx_session(path):
    """A graph in onnxruntime, checked and on one thread."""
    import onnx
    import onnxruntime

    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
