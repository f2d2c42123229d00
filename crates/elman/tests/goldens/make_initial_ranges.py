#!/usr/bin/env python3
"""The ranges that PyTorch draws initial weights from: for every cell and some sizes, the largest magnitude in each tensor.

    python make_initial_ranges.py     # writes initial_ranges.json beside itself

nn.RNN, nn.LSTM, nn.GRU and nn.Linear initialise themselves, a thousand times each, so that the largest magnitude of a tensor
comes near its bound however few numbers it has. The embedding is left out: PyTorch's is normal, elman's uniform.
"""

import json
import os

import torch
from torch import nn

DRAWS = 1000
CELLS = {"elman": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
# Embedding, units, layers.
SIZES = [(1, 1, 1), (3, 2, 1), (5, 3, 2), (8, 16, 2), (20, 40, 1)]
VOCAB = 30


def largest(cell: str, embed: int, hidden: int, layers: int) -> dict[str, float]:
    ranges: dict[str, float] = {}
    for _ in range(DRAWS):
        network = CELLS[cell](embed, hidden, layers)
        decoder = nn.Linear(hidden, VOCAB)
        tensors = {f"rnn.{name}": tensor for name, tensor in network.named_parameters()}
        tensors |= {f"decoder.{name}": tensor for name, tensor in decoder.named_parameters()}
        for name, tensor in tensors.items():
            ranges[name] = max(ranges.get(name, 0.0), tensor.detach().abs().max().item())
    return ranges


def main() -> None:
    torch.manual_seed(1)
    cases = [
        {"cell": cell, "embed": embed, "hidden": hidden, "layers": layers, "ranges": largest(cell, embed, hidden, layers)}
        for cell in CELLS
        for embed, hidden, layers in SIZES
    ]
    found = {"torch": torch.__version__, "vocab": VOCAB, "draws": DRAWS, "cases": cases}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "initial_ranges.json")
    with open(path, "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
