"""Score the partitions of a Dask bag on the workers of a cluster: `python with_dask.py MODEL TEXT`.

The model is an argument of the task: it is pickled by its path, so the path must exist on every worker.
"""

import sys

import dask.bag
from dask.distributed import Client, LocalCluster

import elman


def score(lines, model):
    return [row["log10_p"] for row in model.score([line.rstrip("\n") for line in lines])]


def main(path, text):
    model = elman.load(path, threads=1)
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
        lines = dask.bag.read_text(text, blocksize="16KiB")
        scores = lines.map_partitions(score, model).compute()
    print(f"{len(scores)} lines, log10 p {sum(scores):.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
