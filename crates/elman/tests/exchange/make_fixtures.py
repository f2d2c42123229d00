#!/usr/bin/env python3
"""State dicts that PyTorch wrote, and its logits, for the tests of `elman import`. To make them again:

    python make_fixtures.py       # the Python needs torch and safetensors; made with torch 2.15.0, safetensors 0.8.0

fixtures/tokens.txt lists the tokens in the order of the rows. For each case NAME.safetensors is a state dict as
`save_file` or `save_model` writes it, and NAME.logits.safetensors holds `ids` (N), rows of that list, the first <eos>,
and `logits` (N, V): what the module says after each of them, computed in f64 from the numbers in the file.
"""

import pathlib

import torch
from safetensors.torch import save_file, save_model
from torch import nn

TOKENS = ["the", "<eos>", "cat", "sat", "<unk>", "on", "mat"]
IDS = [1, 0, 2, 3, 5, 0, 6, 1, 4, 4, 2]
FIXTURES = pathlib.Path(__file__).parent / "fixtures"


class RNNModel(nn.Module):
    """As in PyTorch's example word_language_model: encoder, rnn, decoder."""

    def __init__(self, rnn, embed, hidden, tied=False):
        super().__init__()
        self.encoder = nn.Embedding(len(TOKENS), embed)
        self.rnn = rnn
        self.decoder = nn.Linear(hidden, len(TOKENS))
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, ids):
        return self.decoder(self.rnn(self.encoder(ids))[0])


class Other(nn.Module):
    """Other names, no bias at the output."""

    def __init__(self, rnn, embed, hidden):
        super().__init__()
        self.embedding = nn.Embedding(len(TOKENS), embed)
        self.gru = rnn
        self.fc = nn.Linear(hidden, len(TOKENS), bias=False)

    def forward(self, ids):
        return self.fc(self.gru(self.embedding(ids))[0])


def save(name, model, dtype=torch.float32, whole=False):
    path = FIXTURES / f"{name}.safetensors"
    model = model.to(dtype)
    if whole:
        save_model(model, str(path))  # leaves out one of two tied tensors
    else:
        save_file({key: value.detach().clone() for key, value in model.state_dict().items()}, path)
    ids = torch.tensor(IDS)
    with torch.no_grad():
        logits = model.double()(ids[:, None])[:, 0].float()
    save_file({"ids": ids.int().view(torch.uint32), "logits": logits}, FIXTURES / f"{name}.logits.safetensors")


def main():
    torch.manual_seed(3)
    FIXTURES.mkdir(exist_ok=True)
    (FIXTURES / "tokens.txt").write_text("\n".join(TOKENS) + "\n")
    save("lstm", RNNModel(nn.LSTM(4, 5, 2), 4, 5))
    save("lstm_tied", RNNModel(nn.LSTM(5, 5, 2), 5, 5, tied=True))
    save("gru_tied_once", RNNModel(nn.GRU(5, 5), 5, 5, tied=True), whole=True)
    save("tanh_f64", RNNModel(nn.RNN(4, 5, 2), 4, 5), torch.float64)
    save("relu_f16", RNNModel(nn.RNN(4, 5, nonlinearity="relu"), 4, 5), torch.float16)
    save("gru_other_bf16", Other(nn.GRU(4, 5, 2), 4, 5), torch.bfloat16)


if __name__ == "__main__":
    main()
