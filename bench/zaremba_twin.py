#!/usr/bin/env python3
"""A PyTorch twin of Zaremba's small LSTM, for comparison with `elman train`.

Zaremba, Sutskever, Vinyals, "Recurrent Neural Network Regularization" (2014), section 4.1, the
non-regularised small model: embedding 200, two LSTM layers of 200 units, no dropout, all parameters
uniform in +-0.1, batch size B = 20, windows of T = 20 steps, SGD with learning rate 1, gradients clipped
at a global norm of 5. Two epochs at the full rate are run (the paper starts to decay after four).

The conventions are those of `elman` (docs/ARCHITECTURE.md), so that both programs see the same
tokens in the same windows:

- tokens: white space separates; one <eos> per line, empty lines too; V from the training text only;
- layout `stream`: ceil(N/B) tokens a sequence, the end of the last one masked; sequence b starts from the
  token before its first one (sequence 0 from <eos>) and from zero state; the state is carried from
  window to window and zeroed at the start of an epoch;
- loss `sequences`: sum over the time steps, mean over the B sequences, masked positions count nothing;
- one trainable bias per gate: PyTorch's second one (`bias_hh`) is frozen at zero; forget bias 0;
- clipping: if |g| >= 5 then g <- 5/|g| g, over all parameters together.

Validation: zero state, first input <eos>, all tokens predicted, ONE stream with the state carried
to the end, so the perplexity is exact and comparable with `elman eval`.

    python bench/zaremba_twin.py DIR --checkpoint twin.pt --threads 1 > twin.log

DIR holds wiki.train.tokens and wiki.valid.tokens. One JSON line every 200 steps and one per epoch.
If the checkpoint exists the run continues from it. With glibc a third of the time goes into giving
the logits' pages back and fetching them again; this keeps them:

    export GLIBC_TUNABLES=glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=8000000000:glibc.malloc.hugetlb=1
"""

import argparse
import json
import math
import os
import time

import numpy
import torch
from torch import nn
from torch.nn import functional

LANES = 20
STEPS = 20
WIDTH = 200
LAYERS = 2
RANGE = 0.1
RATE = 1.0
CLIP = 5.0
EOS = "<eos>"


def read_tokens(path):
    """The whitespace-separated tokens of a text, with one <eos> at the end of every line."""
    with open(path, encoding="utf-8", newline="\n") as text:
        for line in text:
            yield from line.split()
            yield EOS


def read_corpus(directory):
    """Returns the training ids, the validation ids and the vocabulary (from training text only)."""
    vocabulary = {EOS: 0}
    train = [
        vocabulary.setdefault(token, len(vocabulary))
        for token in read_tokens(os.path.join(directory, "wiki.train.tokens"))
    ]
    unknown = vocabulary.setdefault("<unk>", len(vocabulary))
    valid = [
        vocabulary.get(token, unknown)
        for token in read_tokens(os.path.join(directory, "wiki.valid.tokens"))
    ]
    return numpy.array(train), numpy.array(valid), vocabulary


def lay_out(ids, batch_size):
    """Inputs, targets and mask of layout `stream`, each (length of a sequence, batch size)."""
    length = -(-len(ids) // batch_size)
    padding = batch_size * length - len(ids)
    targets = numpy.concatenate([ids, numpy.zeros(padding, ids.dtype)])
    inputs = numpy.concatenate([[0], targets[:-1]])  # <eos> is id 0
    mask = numpy.concatenate([numpy.ones(len(ids)), numpy.zeros(padding)])
    shape = lambda row: torch.from_numpy(row.reshape(batch_size, length).T.copy())
    return shape(inputs), shape(targets), shape(mask).float()


class Twin(nn.Module):
    """Embedding, two LSTM layers, softmax with bias; untied."""

    def __init__(self, vocabulary):
        super().__init__()
        self.encoder = nn.Embedding(vocabulary, WIDTH)
        self.rnn = nn.LSTM(WIDTH, WIDTH, LAYERS)
        self.decoder = nn.Linear(WIDTH, vocabulary)
        for name, parameter in self.named_parameters():
            if "bias_hh" in name:
                nn.init.zeros_(parameter)
                parameter.requires_grad_(False)
            else:
                nn.init.uniform_(parameter, -RANGE, RANGE)

    def forward(self, inputs, state):
        """Logits (T, B, V) and the state after the window."""
        hidden, state = self.rnn(self.encoder(inputs), state)
        return self.decoder(hidden), state


def zero_state(batch_size):
    return tuple(torch.zeros(LAYERS, batch_size, WIDTH) for _ in range(2))


def clip(parameters):
    """The chapter's rule. Returns the norm before clipping."""
    norm = math.sqrt(sum(float(p.grad.pow(2).sum(dtype=torch.float64)) for p in parameters))
    if norm >= CLIP:
        for parameter in parameters:
            parameter.grad.mul_(CLIP / norm)
    return norm


@torch.no_grad()
def evaluate(model, ids, window=500):
    """Mean nats per token of one stream from zero state; exact, because the state is carried."""
    inputs, targets, _ = lay_out(ids, 1)
    state, nats = zero_state(1), 0.0
    for start in range(0, len(ids), window):
        logits, state = model(inputs[start : start + window], state)
        losses = functional.cross_entropy(
            logits.flatten(0, 1), targets[start : start + window].flatten(), reduction="none"
        )
        nats += float(losses.sum(dtype=torch.float64))
    return nats / len(ids)


def save(path, model, state, position):
    """Writes a checkpoint beside the old one and then takes its place."""
    torch.save({"model": model.state_dict(), "state": state, **position}, path + ".new")
    os.replace(path + ".new", path)


def say(**fields):
    print(json.dumps(fields), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", help="folder of wiki.train.tokens and wiki.valid.tokens")
    parser.add_argument("--checkpoint", default="twin.pt")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    # "medium" would let oneDNN multiply in bfloat16 on CPUs that have it.
    torch.set_float32_matmul_precision("highest")
    torch.manual_seed(arguments.seed)

    train, valid, vocabulary = read_corpus(arguments.directory)
    inputs, targets, mask = lay_out(train, LANES)
    model = Twin(len(vocabulary))
    parameters = [p for p in model.parameters() if p.requires_grad]
    say(
        torch=torch.__version__,
        seed=arguments.seed,
        threads=arguments.threads,
        vocabulary=len(vocabulary),
        train_tokens=len(train),
        valid_tokens=len(valid),
        parameters=sum(p.numel() for p in parameters),
        validation="one stream, zero state, carried",
    )

    epoch, start, step, state = 0, 0, 0, zero_state(LANES)
    if os.path.exists(arguments.checkpoint):
        saved = torch.load(arguments.checkpoint)
        model.load_state_dict(saved["model"])
        epoch, start, step, state = (saved[k] for k in ("epoch", "start", "step", "state"))
        say(resumed_at=step)

    while epoch < arguments.epochs:
        nats, tokens, windows, clipped, since = 0.0, 0, 0, 0, time.monotonic()
        while start < len(inputs):
            window = slice(start, start + STEPS)
            logits, state = model(inputs[window], state)
            losses = functional.cross_entropy(
                logits.flatten(0, 1), targets[window].flatten(), reduction="none"
            )
            masked = losses * mask[window].flatten()
            model.zero_grad()
            (masked.sum() / LANES).backward()
            del logits, losses
            norm = clip(parameters)
            with torch.no_grad():
                for parameter in parameters:
                    parameter.sub_(parameter.grad, alpha=RATE)
            state = tuple(part.detach() for part in state)

            step, start, windows = step + 1, start + STEPS, windows + 1
            nats += float(masked.detach().sum(dtype=torch.float64))
            tokens += int(mask[window].sum())
            clipped += norm >= CLIP
            if step % 200 == 0:
                seconds = time.monotonic() - since
                say(
                    step=step,
                    epoch=epoch + start / len(inputs),
                    nats=nats / tokens,
                    perplexity=math.exp(nats / tokens),
                    norm=norm,
                    clipped=clipped / windows,
                    tokens_per_s=tokens / seconds,
                )
                nats, tokens, windows, clipped, since = 0.0, 0, 0, 0, time.monotonic()
            if step % 2000 == 0:
                save(arguments.checkpoint, model, state, dict(epoch=epoch, start=start, step=step))
        epoch, start, state = epoch + 1, 0, zero_state(LANES)
        save(arguments.checkpoint, model, state, dict(epoch=epoch, start=start, step=step))
        valid_nats = evaluate(model, valid)
        say(epoch=epoch, step=step, valid_nats=valid_nats, valid_perplexity=math.exp(valid_nats))


if __name__ == "__main__":
    main()
