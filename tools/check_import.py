#!/usr/bin/env python3
"""Models as neural-complexity and colorlessgreenRNNs save them, converted, imported and compared.

    cargo build --release --bins --examples
    venv/bin/pip install torch safetensors
    venv/bin/python tools/check_import.py target/release/elman target/release/examples/token_logits data/kjv.txt
    … --neural-complexity DIR    # a clone of https://github.com/vansky/neural-complexity: its own surprisals, too

Makes modules with the names of those programs (`encoder`, `rnn`, `decoder`) with weights of random numbers, saves each whole
(torch.save) in PyTorch's newer and older format, on the way of tools/pickle_to_safetensors.py, and compares log-probabilities in
elman with the module's. Also checks that the converter does not run what is in a file. Exit code 1 if a number differs by more than
1e-5, or one of neural-complexity's surprisals by more than the last digit that it prints.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import torch
from safetensors.torch import load_file
from torch import nn

from checking import Checks

TOLERANCE = 1e-5
CONVERTER = pathlib.Path(__file__).parent / "pickle_to_safetensors.py"
CASES = {  # kind, embedding, units, layers, tied
    "colorless": ("LSTM", 65, 65, 2, False),
    "neural-complexity": ("LSTM", 40, 60, 2, False),
    "tied": ("LSTM", 50, 50, 1, True),
    "gru": ("GRU", 30, 40, 2, False),
    "tanh": ("RNN_TANH", 30, 40, 1, False),
}

MODULE = '''
import torch.nn as nn

class RNNModel(nn.Module):
    """The attributes of both programs' class."""

    def __init__(self, rnn_type, ntoken, ninp, nhid, nlayers, dropout=0.5, tie_weights=False):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        if rnn_type in ["LSTM", "GRU"]:
            self.rnn = getattr(nn, rnn_type)(ninp, nhid, nlayers, dropout=dropout if nlayers > 1 else 0)
        else:
            self.rnn = nn.RNN(ninp, nhid, nlayers, nonlinearity={"RNN_TANH": "tanh", "RNN_RELU": "relu"}[rnn_type])
        self.decoder = nn.Linear(nhid, ntoken)
        if tie_weights:
            self.decoder.weight = self.encoder.weight
        self.rnn_type, self.nhid, self.nlayers = rnn_type, nhid, nlayers
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.5, 0.5)

    def forward(self, observation, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(observation)), hidden)
        return self.decoder(self.drop(output)), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        zeros = lambda: weight.new_zeros(self.nlayers, bsz, self.nhid)
        return (zeros(), zeros()) if self.rnn_type == "LSTM" else zeros()
'''


def converted(model, output, *more):
    return subprocess.run([sys.executable, "-I", CONVERTER, model, output, *more], capture_output=True, text=True)


def check_case(checks, name, case, modules, words, room, arguments):
    kind, embed, units, layers, tied = case
    torch.manual_seed(11)
    model = modules.RNNModel(kind, len(words), embed, units, layers, tie_weights=tied).eval()
    (room / "vocab.txt").write_text("\n".join(words))
    for newer in (True, False):
        which = f"{name}{'' if newer else ', older format'}"
        saved, folder = room / f"{name}-{newer}.pt", room / f"{name}-{newer}"
        torch.save(model, saved, _use_new_zipfile_serialization=newer)
        run = converted(saved, folder.with_suffix(".safetensors"), "--vocab", room / "vocab.txt", folder.with_suffix(".txt"))
        if run.returncode:
            checks.fits(f"{which}: converted", False, run.stderr)
            continue
        found, own = load_file(folder.with_suffix(".safetensors")), model.state_dict()
        checks.fits(f"{which}: state dict", found.keys() == own.keys() and all(torch.equal(found[key], own[key]) for key in own), f"{len(own)} tensors")
        command = [arguments.elman, "import", folder.with_suffix(".safetensors"), "--vocab-file", folder.with_suffix(".txt"), "-o", folder]
        if kind == "RNN_TANH":
            command += ["--activation", "tanh"]
        subprocess.run([*command, "--layout", "sentences"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([arguments.token_logits, folder, room / "line", room / "dump"], check=True)
        dump = load_file(room / "dump")
        vocab = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
        rows = [vocab[word] for word in words]
        ids = [words.index("<eos>"), *(rows.index(int(id)) for id in dump["ids"])]
        with torch.no_grad():
            logits, _ = model(torch.tensor(ids[:-1])[:, None], model.init_hidden(1))
        theirs = torch.log_softmax(logits[:, 0].double(), -1)
        error = (torch.log_softmax(dump["logits"][:, rows].double(), -1) - theirs).abs().max().item()
        checks.fits(f"{which}: log-probabilities of {len(ids) - 1} tokens", error <= TOLERANCE, f"{error:.1e}")
    return model


def check_neural_complexity(checks, room, model, words, arguments):
    """`main.py --test --words` on the module, and `elman surprisal` on the import."""
    program = pathlib.Path(arguments.neural_complexity).resolve()
    sys.path.insert(0, str(program))
    for module in ("model", "data"):
        sys.modules.pop(module, None)
    import model as theirs

    copy = theirs.RNNModel("LSTM", len(words), 40, 60, 2)
    copy.load_state_dict(model.state_dict())
    torch.save(copy, room / "nc.pt")
    (room / "nc").mkdir()
    # The program cuts lines into sentences by itself.
    from data import sent_tokenize

    lines = [part.strip() for line in (room / "lines").read_text().splitlines() for part in sent_tokenize(line) if part.strip()]
    for file in (room / "lines", room / "nc" / "test.txt"):
        file.write_text("".join(line + "\n" for line in lines))
    options = ["--model_file", "nc.pt", "--vocab_file", "vocab.txt", "--data_dir", "nc", "--testfname", "test.txt", "--test", "--words"]
    environment = {**os.environ, "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    run = subprocess.run([sys.executable, program / "main.py", *options], cwd=room, capture_output=True, text=True, env=environment)
    if run.returncode:
        return checks.fits("neural-complexity ran", False, run.stderr[-2000:])
    rows = [line.split(" ") for line in run.stdout.splitlines()]
    head = next(at for at, row in enumerate(rows) if row[0] == "word")
    found = [row for row in rows[head + 1 :] if len(row) == 7 and row[0] != "<eos>"]
    command = [arguments.elman, "surprisal", room / "neural-complexity-True", room / "lines"]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    own = [line.split("\t") for line in table[1:]]
    # It prints an unknown word as <unk>, and elman as it stands there.
    theirs = ["<unk>" if row[7] == "1" else row[0] for row in own]
    checks.fits("neural-complexity: words", [row[0] for row in found] == theirs, f"{len(own)}")
    for column, name in [(4, "surp"), (5, "entropy"), (6, "entred")]:
        error = max((abs(float(a[column]) - float(b[column])) for a, b in zip(found, own)), default=float("nan"))
        checks.fits(f"neural-complexity: {name}", error <= 1e-4, f"{error:.1e}")


def check_harm(checks, room):
    """A file that would run a command does not."""

    class Harm:
        def __reduce__(self):
            return (os.system, (f"touch {room / 'harmed'}",))

    for newer in (True, False):
        saved = room / f"harm-{newer}.pt"
        torch.save({"weight": torch.ones(2, 3), "harm": Harm()}, saved, _use_new_zipfile_serialization=newer)
        run = converted(saved, saved.with_suffix(".safetensors"))
        kept = run.returncode == 0 and list(load_file(saved.with_suffix(".safetensors"))) == ["weight"]
        checks.fits("what a file would run is not run", kept and not (room / "harmed").exists(), run.stderr.strip())
        cut = room / f"cut-{newer}.pt"
        cut.write_bytes(saved.read_bytes()[:-40])
        run = converted(cut, cut.with_suffix(".safetensors"))
        checks.fits("a file that is cut short is refused", run.returncode != 0 and not cut.with_suffix(".safetensors").exists(), "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("elman")
    parser.add_argument("token_logits", help="the example of the library")
    parser.add_argument("text")
    parser.add_argument("--neural-complexity", help="a clone of that program")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    checks = Checks()
    modules = types.ModuleType("model")  # a name that the converter cannot import
    sys.modules["model"] = modules
    exec(MODULE, modules.__dict__)
    with tempfile.TemporaryDirectory() as room:
        room = pathlib.Path(room)
        lines = pathlib.Path(arguments.text).read_text()[:60_000].splitlines()
        counts = collections.Counter(word for line in lines for word in line.split())
        words = ["<eos>", *(word for word, count in counts.items() if count > 2), "<unk>", "1\\/2", "\\", "\\\\", "C:\\n"]
        (room / "line").write_text(next(line for line in lines if len(line.split()) > 12) + " 1\\/2 \\ \\\\ C:\\n nevermore")
        (room / "lines").write_text("".join(line + "\n" for line in lines[:30] if line.strip()))
        made = {name: check_case(checks, name, case, modules, words, room, arguments) for name, case in CASES.items()}
        if arguments.neural_complexity:
            check_neural_complexity(checks, room, made["neural-complexity"], words, arguments)
        check_harm(checks, room)
    sys.exit(0 if checks.good else 1)


if __name__ == "__main__":
    main()
