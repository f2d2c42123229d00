"""Score lines with joblib: `python with_joblib.py MODEL TEXT`.

The model is an argument: it is pickled by its path, and a worker loads the file when it gets it.
"""

import sys

from joblib import Parallel, delayed

import elman


def score(model, lines):
    return [row["log10_p"] for row in model.score(lines)]


def main(path, text):
    model = elman.load(path, threads=1)
    with open(text) as file:
        lines = file.read().splitlines()
    parts = [lines[first : first + 100] for first in range(0, len(lines), 100)]
    scored = Parallel(n_jobs=2)(delayed(score)(model, part) for part in parts)
    scores = [score for part in scored for score in part]
    print(f"{len(scores)} lines, log10 p {sum(scores):.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
