"""Score lines in worker processes of multiprocessing: `python with_multiprocessing.py MODEL TEXT`.

Each worker loads the model once, by its path. A network computes with one thread in each worker, so that the workers do not take the processors
from each other. Any start method will do, also `fork` with a model that the parent has loaded.
"""

import multiprocessing
import sys

import elman


def load(path):
    global model
    model = elman.load(path, threads=1)


def score(lines):
    return [row["log10_p"] for row in model.score(lines)]


def main(path, text):
    with open(text) as file:
        lines = file.read().splitlines()
    parts = [lines[first : first + 100] for first in range(0, len(lines), 100)]
    with multiprocessing.get_context("spawn").Pool(2, initializer=load, initargs=[path]) as pool:
        scores = [score for part in pool.imap(score, parts) for score in part]
    print(f"{len(scores)} lines, log10 p {sum(scores):.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
