#!/usr/bin/env python3
"""Golden numbers from PyTorch for every cell: one step in full detail, then twenty training steps.

    python make_goldens.py            # writes *.safetensors beside itself

PyTorch's own modules and autograd do the mathematics (nn.RNN, nn.LSTM, nn.GRU, torch.optim); the
sigmoid cell, which PyTorch lacks, is written out below. Ours are only the parts that PyTorch does
otherwise: the dropout masks (Philox), the chapter's clipping rule, and one trainable bias per gate
(`bias_hh` is frozen at zero, except for the n part of a GRU). README.md describes the files.
"""

import json
import math
import os

import numpy
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

VOCAB, HIDDEN, LAYERS = 23, 12, 2
STEPS, LANES, UPDATES = 7, 3, 20
DROPOUT, SEED = 0.3, 7

# Rates and clips are such that some updates are clipped and some are not. A list `hidden` has the sizes of the layers.
CASES = {
    "tanh_sgd_tokens": dict(cell="tanh", optimizer="sgd", lr=1.0, clip=0.85),
    "relu_momentum_lanes": dict(
        cell="relu", optimizer="sgd", lr=0.02, momentum=0.9, norm="lanes", clip=3.0
    ),
    "sigmoid_adam_tied": dict(cell="sigmoid", optimizer="adam", lr=0.02, tied=True, clip=0.55),
    "lstm_sgd_lanes_masked": dict(
        cell="lstm", optimizer="sgd", lr=0.5, norm="lanes", masked=True, clip=1.6
    ),
    "lstm_adamw_tied": dict(
        cell="lstm", optimizer="adamw", lr=0.02, weight_decay=0.1, tied=True, clip=0.28
    ),
    "gru_adam_decay_masked": dict(
        cell="gru", optimizer="adam", lr=0.02, weight_decay=0.01, masked=True, clip=0.45
    ),
    "gru_momentum_decay_tied_lanes": dict(
        cell="gru",
        optimizer="sgd",
        lr=0.02,
        momentum=0.9,
        weight_decay=0.01,
        tied=True,
        norm="lanes",
        clip=3.2,
    ),
    "tanh_adamw_lanes_masked": dict(
        cell="tanh", optimizer="adamw", lr=0.02, weight_decay=0.1, norm="lanes", masked=True, clip=4.4
    ),
    "lstm_adam_sizes_projection": dict(
        cell="lstm", optimizer="adam", lr=0.02, tied=True, hidden=[9, 14, 12], embed=10, clip=0.3
    ),
    "gru_sgd_sizes": dict(cell="gru", optimizer="sgd", lr=0.5, hidden=[14, 9], clip=0.45),
    "tanh_adam_smoothing": dict(cell="tanh", optimizer="adam", lr=0.02, smoothing=0.1, clip=0.75),
    "lstm_sgd_penalties": dict(cell="lstm", optimizer="sgd", lr=0.5, ar=2.0, tar=1.0, clip=0.28),
}
DEFAULTS = dict(
    hidden=HIDDEN, norm="tokens", masked=False, tied=False, momentum=0.0, weight_decay=0.0
)
BETAS, ADAM_EPSILON = (0.9, 0.999), 1e-8


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("highest")
    check_philox()
    folder = os.path.dirname(os.path.abspath(__file__))
    for number, (name, given) in enumerate(CASES.items()):
        case = dict(DEFAULTS, embed=HIDDEN if given.get("tied") else HIDDEN - 2) | given
        tensors = train(case, number, torch.float32)
        metadata = dict(
            case,
            layers=len(sizes(case)),
            vocab=VOCAB,
            steps=STEPS,
            lanes=LANES,
            updates=UPDATES,
            dropout=DROPOUT,
            seed=SEED,
            betas=BETAS,
            eps=ADAM_EPSILON,
            torch=torch.__version__,
        )
        path = os.path.join(folder, name + ".safetensors")
        save_file(tensors, path, metadata={"golden": json.dumps(metadata, sort_keys=True)})

        # The same in f64 shows how far rounding alone carries after twenty updates.
        exact = train(case, number, torch.float64)
        norms, losses = tensors["norms"], tensors["losses"]
        print(
            f"{name}: loss {losses[0]:.4f} -> {losses[-1]:.4f}, norm {norms.min():.3f} to"
            f" {norms.max():.3f}, clipped {int((norms >= case['clip']).sum())} of {UPDATES},"
            f" f32 against f64: losses {relative(losses, exact['losses']):.1e}, final weights"
            f" {max(relative(tensors[k], exact[k]) for k in tensors if k.startswith('final/')):.1e},"
            f" {os.path.getsize(path)} bytes"
        )


def relative(a, b):
    a, b = a.double(), b.double()
    scale = max(float(a.norm()), float(b.norm()))
    return float((a - b).norm()) / scale if scale else 0.0


class Sigmoid(nn.Module):
    """h_t = sigmoid(W_x x_t + W_h h_{t-1} + b_ih + b_hh) with the names and shapes of nn.RNN."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.weight_ih_l0 = nn.Parameter(torch.empty(hidden, inputs))
        self.weight_hh_l0 = nn.Parameter(torch.empty(hidden, hidden))
        self.bias_ih_l0 = nn.Parameter(torch.empty(hidden))
        self.bias_hh_l0 = nn.Parameter(torch.empty(hidden))

    def forward(self, xs, state):
        h, hs = state[0], []
        for x in xs:
            h = torch.sigmoid(
                x @ self.weight_ih_l0.T + self.bias_ih_l0 + h @ self.weight_hh_l0.T + self.bias_hh_l0
            )
            hs.append(h)
        return torch.stack(hs), h.unsqueeze(0)


def sizes(case):
    """The hidden size of every layer, from below."""
    return case["hidden"] if isinstance(case["hidden"], list) else [case["hidden"]] * LAYERS


def recurrent(cell, inputs, hidden):
    """One layer. Layers stay separate modules, so that our dropout masks fit in between."""
    match cell:
        case "sigmoid":
            return Sigmoid(inputs, hidden)
        case "tanh" | "relu":
            return nn.RNN(inputs, hidden, nonlinearity=cell)
        case "lstm":
            return nn.LSTM(inputs, hidden)
        case "gru":
            return nn.GRU(inputs, hidden)


class Network(nn.Module):
    def __init__(self, case, random, dtype):
        super().__init__()
        self.cell, self.widths = case["cell"], [case["embed"], *sizes(case)]
        self.encoder = nn.Embedding(VOCAB, self.widths[0])
        self.layers = nn.ModuleList(
            recurrent(self.cell, *pair) for pair in zip(self.widths, self.widths[1:])
        )
        self.projection, read = nn.Identity(), self.widths[-1]
        if case["tied"] and read != case["embed"]:
            self.projection = nn.Linear(read, case["embed"], bias=False)
            read = case["embed"]
        self.decoder = nn.Linear(read, VOCAB)
        if case["tied"]:
            self.decoder.weight = self.encoder.weight
        self.to(dtype)
        with torch.no_grad():
            for name, parameter in self.on_disk().items():
                values = random.uniform(-0.4, 0.4, parameter.shape).astype(numpy.float32)
                parameter.copy_(torch.from_numpy(values))
            for bias in self.second_biases():
                bias[: self.frozen(bias)] = 0
                bias.requires_grad_(self.frozen(bias) < len(bias))

    def second_biases(self):
        return [layer.bias_hh_l0 for layer in self.layers]

    def frozen(self, bias):
        """How many leading elements of a `bias_hh` stay zero: all but the n part of a GRU."""
        return len(bias) // 3 * 2 if self.cell == "gru" else len(bias)

    def on_disk(self):
        """The parameters by their names in a model file."""
        names = {"encoder.weight": self.encoder.weight}
        for k, layer in enumerate(self.layers):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                names[f"rnn.{name}_l{k}"] = getattr(layer, name + "_l0")
        if not isinstance(self.projection, nn.Identity):
            names["projection.weight"] = self.projection.weight
        if self.decoder.weight is not self.encoder.weight:
            names["decoder.weight"] = self.decoder.weight
        names["decoder.bias"] = self.decoder.bias
        return names

    def zero_state(self):
        zero = lambda width: torch.zeros(1, LANES, width, dtype=self.decoder.bias.dtype)
        widths = self.widths[1:]
        return [(zero(n), zero(n)) if self.cell == "lstm" else zero(n) for n in widths]

    def forward(self, inputs, states, multipliers):
        """Logits (T, B, V), the states of the layers after the window, and the top layer's outputs
        (T, B, H) without and with dropout."""
        x, after = self.encoder(inputs), []
        for layer, state, multiplier in zip(self.layers, states, multipliers):
            x, state = layer(x * multiplier, state)
            after.append(state)
        dropped = x * multipliers[-1]
        return self.decoder(self.projection(dropped)), after, x, dropped


def train(case, number, dtype):
    """Twenty updates over consecutive windows. Returns the tensors of the golden file."""
    random = numpy.random.RandomState(1000 + number)
    network = Network(case, random, dtype)
    inputs, targets, mask = text(case, random)
    mask = mask.to(dtype)
    # (encoder.weight stands once in the list when it is tied)
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = make_optimizer(case, parameters)

    tensors = {"inputs": inputs.int(), "targets": targets.int(), "mask": mask.clone()}
    snapshot = lambda kind, of: tensors.update(
        {f"{kind}/{name}": of(p).detach().clone() for name, p in network.on_disk().items()}
    )
    snapshot("initial", lambda p: p)
    states, losses, norms = network.zero_state(), [], []
    for update in range(UPDATES):
        multipliers = dropout_masks(network.widths, update, dtype)
        logits, states, raw, dropped = network(inputs[update], states, multipliers)
        entropy = lambda smoothing: functional.cross_entropy(
            logits.flatten(0, 1),
            targets[update].flatten(),
            reduction="none",
            label_smoothing=smoothing,
        ).reshape(STEPS, LANES)
        nats = mask[update] * entropy(0.0)
        divisor = LANES if case["norm"] == "lanes" else mask[update].sum()
        loss = nats.sum() / divisor
        objective = (mask[update] * entropy(case.get("smoothing", 0.0))).sum() / divisor
        # As in github.com/salesforce/awd-lstm-lm, main.py.
        objective = objective + case.get("ar", 0.0) * dropped.pow(2).mean()
        objective = objective + case.get("tar", 0.0) * (raw[1:] - raw[:-1]).pow(2).mean()
        optimizer.zero_grad()
        objective.backward()
        for bias in network.second_biases():
            if bias.grad is None:
                continue
            bias.grad[: network.frozen(bias)] = 0
        states = [
            tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
            for state in states
        ]
        if update == 0:
            snapshot("gradient", lambda p: torch.zeros_like(p) if p.grad is None else p.grad)
            tensors["logits"], tensors["nats"] = logits.detach().clone(), nats.detach().clone()
            for site, multiplier in enumerate(multipliers):
                tensors[f"multipliers/{site}"] = multiplier
            for k, state in enumerate(states):
                h, *c = state if isinstance(state, tuple) else (state,)
                tensors[f"last/h_l{k}"] = h[0].clone()
                if c:
                    tensors[f"last/c_l{k}"] = c[0][0].clone()
        norms.append(clip(parameters, case["clip"]))
        optimizer.step()
        losses.append(loss.item())
    snapshot("final", lambda p: p)
    tensors["losses"] = torch.tensor(losses, dtype=dtype)
    tensors["norms"] = torch.tensor(norms, dtype=dtype)
    return tensors


def text(case, random):
    """Inputs, targets and mask, each (updates, T, B): lanes of a text in which x' is 3x + {0, 1, 2}."""
    length = UPDATES * STEPS
    tokens = numpy.zeros((length + 1, LANES), numpy.int64)
    for t in range(length):
        tokens[t + 1] = (3 * tokens[t] + random.randint(0, 3, LANES)) % VOCAB
    mask = numpy.ones((UPDATES, STEPS, LANES), numpy.float32)
    if case["masked"]:
        for update in range(UPDATES):
            mask[update, 1 + update % (STEPS - 1) :, LANES - 1] = 0
            mask[update, STEPS - 1, update % LANES] = 0
    window = lambda rows: torch.from_numpy(rows.reshape(UPDATES, STEPS, LANES).copy())
    return window(tokens[:-1]), window(tokens[1:]), torch.from_numpy(mask)


def make_optimizer(case, parameters):
    decay = dict(lr=case["lr"], weight_decay=case["weight_decay"])
    match case["optimizer"]:
        case "sgd":
            return torch.optim.SGD(parameters, momentum=case["momentum"], **decay)
        case "adam":
            return torch.optim.Adam(parameters, betas=BETAS, eps=ADAM_EPSILON, **decay)
        case "adamw":
            return torch.optim.AdamW(parameters, betas=BETAS, eps=ADAM_EPSILON, **decay)


def clip(parameters, threshold):
    """if |g| >= threshold then g <- threshold / |g| g. Returns |g| before."""
    norm = math.sqrt(sum(float(p.grad.double().pow(2).sum()) for p in parameters))
    if norm >= threshold:
        for parameter in parameters:
            parameter.grad.mul_(threshold / norm)
    return norm


def dropout_masks(widths, step, dtype):
    """Multipliers of sites 0..=L at a training step, (T, B, n of the site): 0 or 1/(1-p), in f32 arithmetic.

    Unit j of lane b at time t is word j%4 of philox([j/4, b, t, 0], key), made uniform in [0, 1) by
    its upper 24 bits; it is kept if that is at least p. The key of a site is the first two words of
    philox([1 + site, step, 0, 0], seed).
    """
    p = numpy.float32(DROPOUT)
    masks = []
    for site, width in enumerate(widths):
        key = philox([1 + site, step & 0xFFFFFFFF, step >> 32, 0], [SEED & 0xFFFFFFFF, SEED >> 32])[:2]
        t, b, j = numpy.meshgrid(range(STEPS), range(LANES), range(width), indexing="ij")
        words = numpy.stack(philox([j // 4, b, t, 0 * j], key))
        word = numpy.take_along_axis(words, (j % 4)[None], 0)[0]
        uniform = (word >> numpy.uint64(8)).astype(numpy.float32) * numpy.float32(2.0**-24)
        scale = numpy.float32(1) / (numpy.float32(1) - p)
        masks.append(torch.from_numpy(numpy.where(uniform >= p, scale, numpy.float32(0))).to(dtype))
    return masks


def philox(counter, key):
    """Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)."""
    low = numpy.uint64(0xFFFFFFFF)
    a, b, c, d = (numpy.asarray(word).astype(numpy.uint64) for word in counter)
    k0, k1 = (int(word) for word in key)
    for _ in range(10):
        first, second = a * numpy.uint64(0xD2511F53), c * numpy.uint64(0xCD9E8D57)
        a, b, c, d = (
            (second >> numpy.uint64(32)) ^ b ^ numpy.uint64(k0),
            second & low,
            (first >> numpy.uint64(32)) ^ d ^ numpy.uint64(k1),
            first & low,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [a, b, c, d]


def check_philox():
    """The known answers of the authors' library, Random123."""
    answers = [
        ([0] * 4, [0] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ]
    for counter, key, answer in answers:
        assert " ".join(f"{int(word):08x}" for word in philox(counter, key)) == answer


if __name__ == "__main__":
    main()
