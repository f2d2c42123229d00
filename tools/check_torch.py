#!/usr/bin/env python3
"""Loads a model directory of `elman` into PyTorch by the tensors' names and compares logits.

    python tools/check_torch.py MODEL_DIR LOGITS...

MODEL_DIR holds config.json and model.safetensors; the module that takes the tensors is the one that `elman export` writes
(crates/exchange/src/elman_torch.py). Each LOGITS is a safetensors file with

    ids     (N)      integers: the text
    logits  (N, V)   f32: what the model said before each token of it

from zero state with <eos> as the first input, so that row n has read <eos>, ids[0], .., ids[n-1].
The id of <eos> is `eos_token_id` of config.json.

The state dictionary is loaded with strict=True: a missing or unknown name is an error. Prints one line per
file; exit code 1 if a logit differs by more than 1e-5 (of the largest, where that is above 1).
"""

import argparse
import os
import sys

import torch
from safetensors.torch import load_file
from torch.nn import functional

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "crates", "elman", "src", "exchange"))
from elman_torch import load  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="directory with config.json and model.safetensors")
    parser.add_argument("logits", nargs="+", help="safetensors files with ids and logits")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    model = load(arguments.model)
    eos = torch.tensor([model.eos])

    good = True
    for path in arguments.logits:
        dump = load_file(path)
        ids, ours = dump["ids"].long(), dump["logits"].float()
        with torch.no_grad():
            theirs = model(torch.cat([eos, ids[:-1]])[:, None])[0][:, 0]
        if theirs.shape != ours.shape:
            sys.exit(f"{path}: logits are {tuple(ours.shape)}, expected {tuple(theirs.shape)}")
        scale = max(1.0, float(theirs.abs().max()))
        error = float((ours - theirs).abs().max()) / scale
        fits = error <= arguments.tolerance  # false for NaN, too
        good = good and fits
        nats = float(functional.cross_entropy(theirs.double(), ids))
        print(
            f"{path}: {len(ids)} tokens, largest difference {error:.2e}"
            f" ({'ok' if fits else 'TOO LARGE'}), {nats:.6f} nats per token"
        )
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
