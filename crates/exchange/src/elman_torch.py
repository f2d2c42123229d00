#!/usr/bin/env python3
"""Loads a model of elman into PyTorch (pip install torch safetensors).

    python elman_torch.py MODEL_DIR --ids 0 17 4      # what may come after these tokens

MODEL_DIR holds config.json and model.safetensors, as `elman train` and `elman export --to pytorch` write them.
In a program:

    from elman_torch import load
    model = load("MODEL_DIR")
    logits, state = model(torch.tensor([[0], [17]]))   # (T, B) token ids -> (T, B, V)
    logits, state = model(torch.tensor([[4]]), state)  # go on

A text begins with the id `model.eos`, read without a state.
"""

import argparse
import json
import os

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional


class Sigmoid(nn.RNN):
    """The cell that PyTorch lacks, in the parameters of nn.RNN: h' = sigmoid(W_x x + W_h h + b)."""

    def forward(self, xs, state=None):
        w_x, w_h, b_x, b_h = self.all_weights[0]
        h = xs.new_zeros(xs.shape[1], self.hidden_size) if state is None else state[0]
        hs = []
        for x in xs:
            h = torch.sigmoid(functional.linear(x, w_x, b_x) + functional.linear(h, w_h, b_h))
            hs.append(h)
        return torch.stack(hs), h[None]


class Stack(nn.Module):
    """One layer upon the other, each of its own size, with the parameters' names of a single nn.RNN, nn.LSTM or nn.GRU."""

    def __init__(self, layers):
        super().__init__()
        self.layers = tuple(layers)  # a tuple: their parameters are registered here, under other names
        for k, layer in enumerate(layers):
            for name, parameter in layer.named_parameters():
                self.register_parameter(name.removesuffix("_l0") + f"_l{k}", parameter)

    def forward(self, xs, state=None):
        after = []
        for k, layer in enumerate(self.layers):
            for name, parameter in layer.named_parameters():
                here = self.get_parameter(name.removesuffix("_l0") + f"_l{k}")
                if here is not parameter:  # it was replaced while weights were loaded
                    setattr(layer, name, here)
            xs, last = layer(xs, None if state is None else state[k])
            after.append(last)
        return xs, after


def add_layers(model, config):
    """Gives `model` an embedding, recurrent layers and an output layer with bias. `config` is config.json."""
    vocab, embed, layers = (config[name] for name in ("vocab_size", "embedding_size", "num_layers"))
    hidden = config["hidden_size"]
    hidden = hidden if isinstance(hidden, list) else [hidden] * layers
    tied = config["tie_word_embeddings"]
    cell = config["activation"] if config["cell"] == "elman" else config["cell"]
    module = {"lstm": nn.LSTM, "gru": nn.GRU, "sigmoid": Sigmoid}.get(cell, nn.RNN)
    more = {"nonlinearity": cell} if module is nn.RNN else {}

    model.encoder = nn.Embedding(vocab, embed)
    if len(set(hidden)) == 1 and cell != "sigmoid":
        model.rnn = module(embed, hidden[0], layers, **more)
    else:
        model.rnn = Stack([module(x, h, **more) for x, h in zip([embed] + hidden, hidden)])
    model.projection = nn.Identity()
    if tied and embed != hidden[-1]:
        model.projection = nn.Linear(hidden[-1], embed, bias=False)
    model.decoder = nn.Linear(embed if tied else hidden[-1], vocab)
    if tied:
        model.decoder.weight = model.encoder.weight


class Model(nn.Module):
    """Embedding, recurrent layers, output layer with bias. `config` is config.json."""

    def __init__(self, config):
        super().__init__()
        self.eos = config["eos_token_id"]
        add_layers(self, config)

    def forward(self, tokens, state=None):
        """Token ids (T, B) and the state before them (None: a new text) -> logits (T, B, V), the state after them."""
        hidden, state = self.rnn(self.encoder(tokens), state)
        return self.decoder(self.projection(hidden)), state


def load(directory):
    """The model in a directory, in evaluation mode."""
    with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    model = Model(config)
    tensors = load_file(os.path.join(directory, "model.safetensors"))
    if config["tie_word_embeddings"]:
        tensors.setdefault("decoder.weight", tensors["encoder.weight"])
    model.load_state_dict(tensors, strict=True)
    return model.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?", default=os.path.dirname(os.path.abspath(__file__)))
    parser.add_argument("--ids", type=int, nargs="*", default=[], help="the text, after <eos>")
    arguments = parser.parse_args()
    model = load(arguments.model)
    with torch.no_grad():
        logits, _ = model(torch.tensor([[id] for id in [model.eos, *arguments.ids]]))
    for p, id in zip(*torch.softmax(logits[-1, 0], 0).topk(5)):
        print(f"{id:8} {p:.4f}")


if __name__ == "__main__":
    main()
