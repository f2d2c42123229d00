#!/usr/bin/env python3
"""What `elman export` writes, run in onnxruntime and PyTorch; what PyTorch saves, imported and run in `elman`.

    python tools/check_exchange.py target/release/elman target/release/examples/token_logits data/kjv.txt

The Python needs torch, safetensors, numpy, onnx and onnxruntime. Trains small models of every cell, tied, untied, of layers
that differ and tied through a projection, and compares logits and states, in one sequence and in several, window by window.
Prints a line for each comparison; exit code 1 if a number differs by more than 1e-5 (of the largest, where that is above 1).
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from checking import Checks, onnx_session, torch_model

TOLERANCE = 1e-5
CASES = {
    "sigmoid": ["--cell", "elman", "--activation", "sigmoid", "--layers", "2"],
    "tanh": ["--cell", "elman", "--activation", "tanh", "--layers", "2"],
    "relu-untied": ["--cell", "elman", "--activation", "relu", "--no-tied", "--embed", "24"],
    "lstm": ["--cell", "lstm", "--layers", "2"],
    "lstm-untied": ["--cell", "lstm", "--no-tied", "--embed", "24"],
    "gru": ["--cell", "gru", "--layers", "3"],
    "gru-chars": ["--cell", "gru", "--no-tied", "--embed", "24", "--vocab", "chars"],
    "lstm-sizes": ["--cell", "lstm", "--hidden", "48,40,24"],
    "lstm-projected": ["--cell", "lstm", "--hidden", "48,32", "--embed", "24", "--tied"],
    "gru-projected": ["--cell", "gru", "--hidden", "32,48", "--embed", "24", "--tied"],
    "sigmoid-projected": ["--cell", "elman", "--activation", "sigmoid", "--hidden", "32,16", "--embed", "24", "--tied"],
}


class RNNModel(nn.Module):
    """The module of PyTorch's example word_language_model, as far as its tensors go."""

    def __init__(self, kind, vocab, embed, hidden, layers, tied):
        super().__init__()
        self.encoder = nn.Embedding(vocab, embed)
        if kind in ("LSTM", "GRU"):
            self.rnn = getattr(nn, kind)(embed, hidden, layers)
        else:
            self.rnn = nn.RNN(embed, hidden, layers, nonlinearity=kind)
        self.decoder = nn.Linear(hidden, vocab)
        if tied:
            self.decoder.weight = self.encoder.weight

    def forward(self, tokens):
        return self.decoder(self.rnn(self.encoder(tokens))[0])


class Onnx:
    """An exported model in onnxruntime."""

    def __init__(self, path):
        self.session = onnx_session(path)
        self.names = [output.name for output in self.session.get_outputs()]
        self.states = {i.name: i.shape[2] for i in self.session.get_inputs() if i.name != "tokens"}

    def zeros(self, batch_size):
        return {name: numpy.zeros((1, batch_size, size), numpy.float32) for name, size in self.states.items()}

    def run(self, tokens, state):
        """Token ids (T, B) -> every output by name, the next state."""
        outputs = dict(zip(self.names, self.session.run(None, {"tokens": tokens.astype(numpy.int64), **state})))
        return outputs, {name: outputs[f"next_{name}"] for name in self.states}


def torch_states(model, state):
    """The state of a torch module under the names of the ONNX graph."""
    layers = model.rnn.num_layers if hasattr(model.rnn, "num_layers") else len(state)
    named = {}
    for k in range(layers):
        if isinstance(state, list):
            parts = state[k]
        elif isinstance(state, tuple):
            parts = tuple(part[k : k + 1] for part in state)
        else:
            parts = state[k : k + 1]
        parts = parts if isinstance(parts, tuple) else (parts,)
        named |= {f"{name}_{k}": part.numpy() for name, part in zip("hc", parts)}
    return named


def check_exports(checks, name, run, elman, logits_of, room, text):
    """One model: elman against torch and onnxruntime."""
    dump = room / "logits.safetensors"
    subprocess.run([logits_of, run, text, dump], check=True)
    dump = load_file(dump)
    ids, ours = dump["ids"].numpy().astype(numpy.int64), dump["logits"].numpy()
    folder, graph = room / f"{name}-torch", room / f"{name}.onnx"
    subprocess.run([elman, "export", run, "--to", "pytorch", "-o", folder], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([elman, "export", run, "-o", graph, "--log-probs"], check=True, stdout=subprocess.DEVNULL)

    model = torch_model(folder)
    inputs = numpy.concatenate([[model.eos], ids[:-1]])
    with torch.no_grad():
        theirs, _ = model(torch.from_numpy(inputs)[:, None])
    checks.same(f"{name}: torch, logits", ours, theirs[:, 0])
    session = Onnx(graph)
    outputs, state = session.run(inputs[:, None], session.zeros(1))
    checks.same(f"{name}: onnxruntime, logits", ours, outputs["logits"][:, 0])
    log_probs = torch.log_softmax(torch.from_numpy(ours).double(), -1)
    checks.same(f"{name}: onnxruntime, log-probabilities", log_probs, outputs["log_probs"][:, 0])

    # Three sequences, in windows of 1, 7 and 20 steps with carried state.
    batch = numpy.stack([inputs[:28], inputs[5:33], inputs[9:37]], 1)
    state, carried = session.zeros(3), None
    for begin, end in [(0, 1), (1, 8), (8, 28)]:
        outputs, state = session.run(batch[begin:end], state)
        with torch.no_grad():
            theirs, carried = model(torch.from_numpy(batch[begin:end]), carried)
        checks.same(f"{name}: three sequences, steps {begin}..{end}", outputs["logits"], theirs)
        for part, values in torch_states(model, carried).items():
            checks.same(f"{name}: {part} after step {end}", state[part], values)
    checks.same(f"{name}: elman against sequence 0", ours[:28], numpy.concatenate([ours[:8], outputs["logits"][:, 0]]))

    # strict=True into the module of the example.
    config = json.loads((folder / "config.json").read_text())
    hidden = config["hidden_size"]
    if isinstance(hidden, int) and config.get("activation") != "sigmoid":
        kind = {"lstm": "LSTM", "gru": "GRU"}.get(config["cell"], config.get("activation"))
        tied = config["tie_word_embeddings"]
        example = RNNModel(kind, config["vocab_size"], config["embedding_size"], hidden, config["num_layers"], tied)
        single = room / f"{name}.safetensors"
        subprocess.run([elman, "export", run, "-o", single], check=True, stdout=subprocess.DEVNULL)
        example.load_state_dict(load_file(single), strict=True)
        with torch.no_grad():
            checks.same(f"{name}: RNNModel, logits", ours, example(torch.from_numpy(inputs)[:, None])[:, 0])


def check_imports(checks, elman, logits_of, room):
    """Modules that PyTorch initialised, as state dicts of several types."""
    tokens = ["the", "<eos>", "cat", "sat", "<unk>", "on", "mat", "dog"]
    (room / "tokens.txt").write_text("\n".join(tokens) + "\n")
    (room / "verse").write_text("the cat sat on the mat\nthe dog sat on the bird\n" * 3)
    for kind, tied, dtype in [
        ("LSTM", False, torch.float32),
        ("LSTM", True, torch.float32),
        ("GRU", True, torch.float64),
        ("GRU", False, torch.float16),
        ("tanh", False, torch.bfloat16),
        ("relu", True, torch.float32),
    ]:
        torch.manual_seed(7)
        name = f"{kind.lower()}{'-tied' if tied else ''}-{str(dtype).removeprefix('torch.')}"
        model = RNNModel(kind, len(tokens), 12 if tied else 9, 12, 2, tied).to(dtype)
        save_file({key: value.clone() for key, value in model.state_dict().items()}, room / f"{name}.safetensors")
        command = [elman, "import", room / f"{name}.safetensors", "--vocab-file", room / "tokens.txt", "-o", room / name]
        if kind in ("tanh", "relu"):
            command += ["--activation", kind]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        dump = room / "logits.safetensors"
        subprocess.run([logits_of, room / name, room / "verse", dump], check=True)
        dump = load_file(dump)
        vocab = json.loads((room / name / "tokenizer.json").read_text())["model"]["vocab"]
        rows = {id: tokens.index(token) for token, id in vocab.items()}
        ids = [rows[int(id)] for id in dump["ids"]]
        with torch.no_grad():
            theirs = model.float()(torch.tensor([tokens.index("<eos>"), *ids[:-1]])[:, None])[:, 0]
        order = [rows[id] for id in range(len(tokens))]
        checks.same(f"import {name}", dump["logits"], theirs[:, order])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("elman")
    parser.add_argument("token_logits", help="the example of the library")
    parser.add_argument("text")
    parser.add_argument("--only", help="cases whose name begins so")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    checks = Checks(TOLERANCE, relative=True)
    with tempfile.TemporaryDirectory() as folder:
        room = pathlib.Path(folder)
        corpus = pathlib.Path(arguments.text).read_bytes()
        (room / "text").write_bytes(corpus[:100_000])
        (room / "verse").write_bytes(corpus[:1000])
        for name, options in CASES.items():
            if arguments.only and not name.startswith(arguments.only):
                continue
            sizes = ["--max-vocab", "400"] + ([] if "--hidden" in options else ["--hidden", "40"])
            train = [arguments.elman, "train", room / "text", "--run", room / name, "--quiet", "--steps", "30"]
            subprocess.run(train + sizes + options, check=True)
            check_exports(checks, name, room / name, arguments.elman, arguments.token_logits, room, room / "verse")
        check_imports(checks, arguments.elman, arguments.token_logits, room)
    sys.exit(0 if checks.good else 1)


if __name__ == "__main__":
    main()
