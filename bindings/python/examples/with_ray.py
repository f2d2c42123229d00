"""Score lines with actors of Ray, each of which holds a model: `python with_ray.py MODEL TEXT`.

The path must exist on every node. A model may also be an argument of a task or lie in the object store with `ray.put`: it is pickled by its path.
"""

import sys

import ray

import elman


@ray.remote(num_cpus=1)
class Scorer:
    def __init__(self, path):
        self.model = elman.load(path, threads=1)

    def score(self, lines):
        return [row["log10_p"] for row in self.model.score(lines)]


@ray.remote(num_cpus=1)
def count(model, lines):
    return sum(row["tokens"] for row in model.score(lines))


def main(path, text):
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    with open(text) as file:
        lines = file.read().splitlines()
    parts = [lines[first : first + 100] for first in range(0, len(lines), 100)]
    scorers = [Scorer.remote(path) for _ in range(2)]
    scored = ray.get([scorers[number % 2].score.remote(part) for number, part in enumerate(parts)])
    scores = [score for part in scored for score in part]
    del scorers  # ends the actors, whose processors the tasks below get
    model = ray.put(elman.load(path, threads=1))
    tokens = sum(ray.get([count.remote(model, part) for part in parts]))
    ray.shutdown()
    print(f"{len(scores)} lines, {tokens} tokens, log10 p {sum(scores):.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
