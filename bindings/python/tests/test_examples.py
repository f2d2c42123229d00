"""The examples for worker processes: each scores a text as one process does."""

import math
import pathlib
import re
import subprocess
import sys

import pytest

import elman

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
PACKAGES = {"with_multiprocessing": "elman", "with_joblib": "joblib", "with_dask": "distributed", "with_ray": "ray", "with_spark": "pyspark"}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    directory = tmp_path_factory.mktemp("models")
    lines = ["the king was calm", "", "a sheep went up to the sea"] * 150
    (directory / "text.txt").write_text("".join(f"{line}\n" for line in lines))
    elman.ngram.train(sentences=lines, order=3).save(directory / "ngram.bin")
    elman.train(run=directory / "network", sentences=lines, hidden=96, steps=5, vocab="fields")
    return directory


def test_each_example_is_known():
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_workers_find_the_scores_of_one_process(models, name):
    pytest.importorskip(PACKAGES[name])
    # Ray and Spark take a quarter of a minute to start, so they start once.
    for model in ["network"] if name in ("with_ray", "with_spark") else ["ngram.bin", "network"]:
        command = [sys.executable, EXAMPLES / f"{name}.py", models / model, models / "text.txt"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280)
        assert done.returncode == 0, done.stderr[-3000:]
        found = re.search(r"(\d+) lines.*log10 p (-[\d.]+)", done.stdout)
        rows = elman.load(models / model).score((models / "text.txt").read_text())
        assert int(found[1]) == len(rows)
        assert math.isclose(float(found[2]), sum(row["log10_p"] for row in rows), abs_tol=1e-5)
