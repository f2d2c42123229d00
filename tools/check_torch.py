#!/usr/bin/env python3
"""Loads a model directory of `elman` into PyTorch by the tensors' names and compares logits.

    python tools/check_torch.py MODEL_DIR LOGITS...

MODEL_DIR holds config.json (its `cell` is lstm, gru, or elman with an `activation`; sizes are read from the
tensors) and model.safetensors. Each LOGITS is a safetensors file with

    ids     (N)      integers: the text
    logits  (N, V)   f32: what the model said before each token of it

from zero state with <eos> as the first input, so that row n has read <eos>, ids[0], .., ids[n-1].
The id of <eos> is `eos_token_id` of config.json.

The state dictionary is loaded with strict=True: a missing or unknown name is an error. Prints one line per
file; exit code 1 if a logit differs by more than 1e-5 (of the largest, where that is above 1).
"""

import argparse
import json
import os
import re
import sys

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

CELLS = ("sigmoid", "tanh", "relu", "lstm", "gru")


class Sigmoid(nn.RNN):
    """The cell that PyTorch lacks, in the parameters of nn.RNN: h' = sigmoid(W_x x + W_h h + b)."""

    def forward(self, xs, state=None):
        for k in range(self.num_layers):
            w_x, w_h, b_x, b_h = self.all_weights[k]
            h, hs = torch.zeros(self.hidden_size, dtype=xs.dtype), []
            for x in xs:
                h = torch.sigmoid(functional.linear(x, w_x, b_x) + functional.linear(h, w_h, b_h))
                hs.append(h)
            xs = torch.stack(hs)
        return xs, None


class Model(nn.Module):
    """Embedding, recurrent layers, softmax with bias: built to fit the tensors of a file."""

    def __init__(self, cell, tensors):
        super().__init__()
        vocab, embed = tensors["encoder.weight"].shape
        hidden = tensors["rnn.weight_hh_l0"].shape[1]
        layers = sum(re.fullmatch(r"rnn\.weight_hh_l\d+", name) is not None for name in tensors)
        self.encoder = nn.Embedding(vocab, embed)
        match cell:
            case "lstm":
                self.rnn = nn.LSTM(embed, hidden, layers)
            case "gru":
                self.rnn = nn.GRU(embed, hidden, layers)
            case "sigmoid":
                self.rnn = Sigmoid(embed, hidden, layers)
            case _:
                self.rnn = nn.RNN(embed, hidden, layers, nonlinearity=cell)
        self.projection = nn.Identity()
        if "projection.weight" in tensors:
            self.projection = nn.Linear(hidden, embed, bias=False)
        if "decoder.weight" in tensors:
            self.decoder = nn.Linear(hidden, vocab)
        else:
            self.decoder = nn.Linear(embed, vocab)
            tensors = dict(tensors, **{"decoder.weight": tensors["encoder.weight"]})
        self.load_state_dict(tensors, strict=True)

    def forward(self, ids):
        """Logits (N, V) of one text from zero state."""
        hidden, _ = self.rnn(self.encoder(ids))
        return self.decoder(self.projection(hidden))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="directory with config.json and model.safetensors")
    parser.add_argument("logits", nargs="+", help="safetensors files with ids and logits")
    parser.add_argument("--cell", choices=CELLS, help="instead of what config.json says")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    arguments = parser.parse_args()

    with open(os.path.join(arguments.model, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    cell = arguments.cell or config.get("cell")
    if cell == "elman":
        cell = config.get("activation")
    if cell not in CELLS:
        sys.exit(f"config.json: the cell is {cell!r}, expected one of {', '.join(CELLS)} (or --cell)")
    torch.set_num_threads(1)
    model = Model(cell, load_file(os.path.join(arguments.model, "model.safetensors")))
    eos = torch.tensor([config["eos_token_id"]])

    good = True
    for path in arguments.logits:
        dump = load_file(path)
        ids, ours = dump["ids"].long(), dump["logits"].float()
        with torch.no_grad():
            theirs = model(torch.cat([eos, ids[:-1]]))
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
