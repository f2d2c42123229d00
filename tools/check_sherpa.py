#!/usr/bin/env python3
"""Compares what `elman export --to sherpa-onnx` writes, in onnxruntime and in sherpa-onnx itself, with elman and PyTorch.

    cargo build --release --bins
    venv/bin/pip install torch safetensors numpy onnx onnxruntime sherpa-onnx
    venv/bin/python tools/check_sherpa.py target/release/elman data/kjv.txt

Trains small LSTMs on text in the symbols of a made-up recogniser, and compares

- nll of the graph without state, over texts of several lengths at once, with `elman score`;
- the graph with state, step by step, with `elman score`, and its next states with PyTorch's (`elman export --to pytorch`);
- `lm_probs` of sherpa-onnx's streaming recogniser, which runs a small transducer of random weights on noise, with `elman score`;
- the hypotheses that its other recogniser chooses: the more the language model counts, the more probable they are.

Prints a line for each comparison; exit code 1 if a number differs by more than 1e-4. Checked with sherpa-onnx 2.0.1.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
import onnx
import sherpa_onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from checking import Checks, onnx_session, scored_lines, torch_model

TOLERANCE = 1e-4
SPECIALS = ["<blk>", "<sos/eos>", "<unk>"]
CASES = {
    "tied": ["--layers", "2"],
    "untied": ["--no-tied", "--embed", "24"],
    "projected": ["--layers", "3", "--embed", "24", "--tied"],
}
JOIN = 16


def pieces(line):
    """A line in pieces of two letters, as a recogniser's subword model might cut it."""
    return [piece for word in line.split() for piece in cut("\u2581" + word.lower())]


def cut(word):
    return [word[:3]] + [word[at : at + 2] for at in range(3, len(word), 2)]


def scores(elman, run, texts, *options):
    """What `elman score` prints of each text, a list of symbols."""
    return scored_lines(elman, run, map(" ".join, texts), *options)


def check_graphs(checks, name, elman, run, folder, room, symbols, texts):
    ids = [[symbols.index(piece) for piece in text] for text in texts]
    own = [score["ln_p"] for score in scores(elman, run, texts)]
    offline = onnx_session(folder / "no-state.onnx")
    x = numpy.zeros((len(ids), max(map(len, ids))), numpy.int64)
    for row, text in zip(x, ids):
        row[: len(text)] = text
    lens = numpy.array([len(text) for text in ids], numpy.int64)
    nll = offline.run(None, {"x": x, "x_lens": lens})[0]
    checks.same(f"{name}: nll", -nll, own)
    checks.same(f"{name}: nll, one at a time", -nll[-1:], -offline.run(None, {"x": x[-1:], "x_lens": lens[-1:]})[0])

    online = onnx_session(folder / "with-state.onnx")
    about = online.get_modelmeta().custom_metadata_map
    layers, hidden, sos, eos = (int(about[key]) for key in ("num_layers", "hidden_size", "sos_id", "eos_id"))
    model = torch_model(room / f"{name}-torch")
    vocab = json.loads((run / "model" / "tokenizer.json").read_text())["model"]["vocab"]
    rows = [vocab.get(symbol, vocab["<unk>"]) for symbol in symbols]
    rows[0] = rows[1] = vocab["<eos>"]

    zeros = numpy.zeros((layers, 1, hidden), numpy.float32)
    sums = []
    for text in ids:
        h, c, total = zeros, zeros, 0.0
        for symbol, following in zip([sos, *text], [*text, eos]):
            log, h, c = online.run(None, {"x": numpy.array([[symbol]]), "h0": h, "c0": c})
            total += float(log[0, following])
        sums.append(total)
    checks.same(f"{name}: sums of log_softmax", sums, own)
    checks.fits(f"{name}: the blank has no probability", log[0, 0] < -9e3, f"{log[0, 0]:.0f}")

    # Several texts and steps at once: log_softmax is that after the first step, the states those after the last.
    generator = numpy.random.default_rng(5)
    h, c = (generator.normal(0, 0.5, (layers, 3, hidden)).astype(numpy.float32) for _ in range(2))
    x = generator.integers(1, len(symbols), (3, 7))
    log, h1, c1 = online.run(None, {"x": x, "h0": h, "c0": c})
    with torch.no_grad():
        state = (torch.from_numpy(h), torch.from_numpy(c))
        tokens = torch.tensor(rows)[torch.from_numpy(x).T]
        logits, (h2, c2) = model(tokens, state)
    theirs = torch.log_softmax(logits[0], -1)[:, rows]
    checks.same(f"{name}: torch, log_softmax", log[:, 1:-1], theirs[:, 1:-1])  # neither the blank nor #0
    checks.same(f"{name}: torch, next states", numpy.concatenate([h1, c1]), torch.cat([h2, c2]))


def save(path, nodes, inputs, outputs, constants, properties):
    """A graph of ONNX with metadata."""
    value = lambda name, kind, *shape: helper.make_tensor_value_info(name, kind, list(shape))
    graph = helper.make_graph(
        [helper.make_node(operator, i.split(), o.split(), **more) for operator, i, o, more in nodes],
        "made-up",
        [value(*each) for each in inputs],
        [value(*each) for each in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {key: str(number) for key, number in properties.items()})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def transducer(room, size):
    """A transducer of random weights, streaming (as icefall's LSTM) and not: paths of encoders, decoder and joiner."""
    generator = numpy.random.default_rng(3)
    numbers = lambda *shape: generator.normal(0, 1, shape).astype(numpy.float32)
    F, I = TensorProto.FLOAT, TensorProto.INT64
    slices = {"begin": numpy.array([0]), "end": numpy.array([1 << 30]), "axis": numpy.array([1]), "four": numpy.array([4])}
    every = [("Slice", "x begin end axis four", "every", {}), ("MatMul", "every project", "out", {}), ("Tanh", "out", "encoder_out", {})]
    project = {"project": 0.3 * numbers(80, JOIN), **slices}
    state = ["layers", "N", 4]
    save(
        room / "online-encoder.onnx",
        [*every, ("Identity", "h0", "next_h0", {}), ("Identity", "c0", "next_c0", {})],
        [("x", F, "N", "T", 80), ("h0", F, *state), ("c0", F, *state)],
        [("encoder_out", F, "N", "S", JOIN), ("next_h0", F, *state), ("next_c0", F, *state)],
        project,
        {"model_type": "lstm", "num_encoder_layers": 1, "T": 9, "decode_chunk_len": 8, "rnn_hidden_size": 4, "d_model": 4},
    )
    save(
        room / "offline-encoder.onnx",
        [*every, ("Add", "x_lens three", "up", {}), ("Div", "up divisor", "encoder_out_lens", {})],
        [("x", F, "N", "T", 80), ("x_lens", I, "N")],
        [("encoder_out", F, "N", "S", JOIN), ("encoder_out_lens", I, "N")],
        {**project, "three": numpy.array(3), "divisor": numpy.array(4)},
        {"model_type": "zipformer2", "version": 1},
    )
    save(
        room / "decoder.onnx",
        [
            ("Max", "y zero", "known", {}),
            ("Gather", "table known", "rows", {}),
            ("ReduceMean", "rows", "decoder_out", {"axes": [1], "keepdims": 0}),
        ],
        [("y", I, "N", 2)],
        [("decoder_out", F, "N", JOIN)],
        {"table": numbers(size, JOIN), "zero": numpy.array(0)},
        {"vocab_size": size, "context_size": 2},
    )
    bias = numpy.zeros(size, numpy.float32)
    bias[1] = bias[2] = -100.0  # no end and no <unk>
    save(
        room / "joiner.onnx",
        [("Add", "a b", "sum", {}), ("Tanh", "sum", "joined", {}), ("MatMul", "joined project", "raw", {}), ("Add", "raw bias", "logit", {})],
        [("a", F, "N", JOIN), ("b", F, "N", JOIN)],
        [("logit", F, "N", size)],
        {"project": numbers(JOIN, size), "bias": bias},
        {"joiner_dim": JOIN},
    )


def check_sherpa(checks, name, elman, run, folder, room, symbols):
    """The recognisers themselves, on two seconds of noise."""
    parts = {"decoder": str(room / "decoder.onnx"), "joiner": str(room / "joiner.onnx"), "tokens": str(room / "tokens.txt")}
    noise = numpy.random.default_rng(1).normal(0, 0.1, 32000).astype(numpy.float32)
    common = dict(parts, num_threads=1, decoding_method="modified_beam_search", max_active_paths=4)
    for scale in (0.3, 1.0):
        recogniser = sherpa_onnx.OnlineRecognizer.from_transducer(
            encoder=str(room / "online-encoder.onnx"), lm=str(folder / "with-state.onnx"), lm_scale=scale, **common
        )
        stream = recogniser.create_stream()
        stream.accept_waveform(16000, noise)
        stream.input_finished()
        while recogniser.is_ready(stream):
            recogniser.decode_stream(stream)
        found = [symbols[symbols.index(token)] for token in marked(recogniser.tokens(stream), symbols)]
        tokens = scores(elman, run, [found], "--per", "token", "--no-end")[0]["per_token"]
        checks.same(f"{name}: sherpa-onnx, {len(found)} lm_probs at scale {scale}", recogniser.lm_probs(stream), [t["ln_p"] for t in tokens])
    chosen = []
    common["max_active_paths"] = 16
    for scale in (-5.0, 0.0, 5.0):
        recogniser = sherpa_onnx.OfflineRecognizer.from_transducer(
            encoder=str(room / "offline-encoder.onnx"), lm=str(folder / "no-state.onnx"), lm_scale=scale, **common
        )
        stream = recogniser.create_stream()
        stream.accept_waveform(16000, noise)
        recogniser.decode_stream(stream)
        text = marked(stream.result.tokens, symbols)
        chosen.append(scores(elman, run, [text])[0]["ln_p"] / (len(text) + 1))
    ordered = chosen[0] <= chosen[1] <= chosen[2] and chosen[0] < chosen[2]
    shown = ", ".join(f"{nats:.3f}" for nats in chosen)
    checks.fits(f"{name}: sherpa-onnx offline, ln p a symbol at scale −5, 0, 5", ordered, shown)


def marked(tokens, symbols):
    """Symbols of a result, which has spaces where symbols have a mark."""
    return [token if token in symbols else token.replace(" ", "\u2581") for token in tokens]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("elman")
    parser.add_argument("text")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    checks = Checks(TOLERANCE)
    with tempfile.TemporaryDirectory() as room:
        room = pathlib.Path(room)
        lines = pathlib.Path(arguments.text).read_text()[:120_000].splitlines()
        texts = [pieces(line) for line in lines if line.strip()]
        (room / "text").write_text("".join(" ".join(text) + "\n" for text in texts))
        # In another order than the vocabulary's, with some that it lacks, and without most.
        symbols = SPECIALS + sorted({piece for text in texts for piece in text})[::-1] + ["\u2581zq", "#0"]
        (room / "tokens.txt").write_text("".join(f"{symbol} {id}\n" for id, symbol in enumerate(symbols)))
        transducer(room, len(symbols))
        for name, options in CASES.items():
            run, folder = room / name, room / f"{name}-sherpa"
            train = [arguments.elman, "train", room / "text", "--run", run, "--quiet", "--steps", "100", "--cell", "lstm"]
            more = ["--vocab", "fields", "--layout", "sentences", "--max-vocab", "600", "--hidden", "40", *options]
            subprocess.run([*train, *more], check=True, stderr=subprocess.DEVNULL)
            export = [arguments.elman, "export", run, "-o"]
            quiet = dict(check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            subprocess.run([*export, folder, "--to", "sherpa-onnx", "--tokens", room / "tokens.txt"], **quiet)
            subprocess.run([*export, room / f"{name}-torch", "--to", "pytorch"], **quiet)
            check_graphs(checks, name, arguments.elman, run, folder, room, symbols, texts[:20] + [["\u2581zq", "\u2581th"], []])
            check_sherpa(checks, name, arguments.elman, run, folder, room, symbols)
    sys.exit(0 if checks.good else 1)


if __name__ == "__main__":
    main()
