#!/usr/bin/env python3
"""One named configuration of `elman bench` in PyTorch: one kind of work, in this process, with the options that are asked for.

    pip install torch
    python bench/pytorch_lm.py M train                                # out of the box
    python bench/pytorch_lm.py M train --options onednn fused         # tuned, f32
    python bench/pytorch_lm.py M generate --options inference int8
    python bench/pytorch_lm.py M save --file m.pt && python bench/pytorch_lm.py M start --file m.pt

One JSON object is printed. `pytorch_best.py` runs every worthwhile choice of options, each in a fresh process with the right
environment, and finds the best; `compare_pytorch.py` puts elman beside it.

The work is that of `elman bench`: embedding, recurrent layers, dropout before, between and after them, softmax with weights of its
own and a bias, random token ids, the state carried from window to window and detached.

- train: forward, mean cross-entropy, backward, clipping by the global norm, update; a step is a window of T tokens of B sequences
- score: forward and the loss of every single token, without gradients; the same windows
- eval: the same for one long text, as a batch of one in windows of 64 tokens
- generate: one sequence, one token at a time, each drawn from the whole softmax; a step is a token
- start: read the weights from --file and draw one token (the caller measures the time from the start of the process)

Steps are timed one by one after a warm-up, and the median is what counts. `matmul_error` is the relative error of a product against
f64 under the options' settings, because `onednn` lets PyTorch multiply in bf16 where the processor has matrix units for it.
"""

import argparse
import json
import statistics
import time
import warnings
from contextlib import ExitStack
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from configurations import CONFIGURATIONS, OPTIONS

CLIP = 5.0
EVAL_STEPS = 64  # of a window of one long text, as in elman
WINDOWS = 8  # different windows of random tokens, taken in turn


class Model(nn.Module):
    """Embedding, recurrent layers, softmax; untied."""

    def __init__(self, shape):
        super().__init__()
        recurrence = getattr(nn, {"elman": "RNN", "lstm": "LSTM", "gru": "GRU"}[shape.cell])
        self.drop = nn.Dropout(shape.dropout)
        self.encoder = nn.Embedding(shape.vocabulary, shape.hidden)
        self.rnn = recurrence(shape.hidden, shape.hidden, shape.layers, dropout=shape.dropout)
        self.decoder = nn.Linear(shape.hidden, shape.vocabulary)

    def forward(self, inputs, state):
        """Logits (T, B, V) and the state after the window."""
        hidden, state = self.rnn(self.drop(self.encoder(inputs)), state)
        return self.decoder(self.drop(hidden)), state


def zero_state(shape, batch_size, dtype=torch.float32):
    zeros = [torch.zeros(shape.layers, batch_size, shape.hidden, dtype=dtype) for _ in range(2)]
    return tuple(zeros) if shape.cell == "lstm" else zeros[0]


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def random_windows(shape):
    """Pairs of inputs and targets, each (T, B)."""
    size = (WINDOWS, shape.steps, shape.batch_size)
    return list(zip(torch.randint(shape.vocabulary, size), torch.randint(shape.vocabulary, size)))


def losses(logits, targets, reduction):
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction=reduction)


def precise(options):
    """The context that a forward pass runs in."""
    return torch.autocast("cpu", torch.bfloat16, enabled="autocast" in options)


def compiled(function, options):
    """The function itself unless `compile` or `unroll` is asked for."""
    if not options & {"compile", "unroll"}:
        return function
    torch._dynamo.config.allow_rnn = "unroll" in options  # otherwise PyTorch leaves recurrent layers as they are
    torch._inductor.config.freezing = "freeze" in options
    return torch.compile(function)


def trainer(shape, options):
    """A function that makes one training step."""
    model = Model(shape)
    parameters = list(model.parameters())
    optimiser = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[shape.optimiser]
    update = optimiser(parameters, lr=1e-3, fused=True if "fused" in options else None)
    windows, state, count = random_windows(shape), zero_state(shape, shape.batch_size), 0

    def forward(inputs, targets, state):
        logits, state = model(inputs, state)
        return losses(logits, targets, "mean"), state

    forward = compiled(forward, options)

    def step():
        nonlocal state, count
        inputs, targets = windows[count % WINDOWS]
        count += 1
        update.zero_grad()
        with precise(options):
            loss, state = forward(inputs, targets, detached(state))
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP, foreach=True if "fused" in options else None)
        update.step()

    return step


def for_inference(model, options):
    """The model with its weights in the number format that is asked for."""
    model.eval()
    if "bf16" in options:
        model = model.bfloat16()
    if "int8" in options:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated, but what PyTorch itself has
            layers = {nn.RNN, nn.LSTM, nn.GRU, nn.Linear}
            model = torch.ao.quantization.quantize_dynamic(model, layers, dtype=torch.qint8)
    return model


def scorer(shape, options):
    """A function that computes the losses of all tokens of a window."""
    model = for_inference(Model(shape), options)
    dtype = torch.bfloat16 if "bf16" in options else torch.float32
    windows, state, count = random_windows(shape), zero_state(shape, shape.batch_size, dtype), 0

    def forward(inputs, targets, state):
        logits, state = model(inputs, state)
        return losses(logits, targets, "none"), state

    forward = compiled(forward, options)

    def step():
        nonlocal state, count
        inputs, targets = windows[count % WINDOWS]
        count += 1
        with precise(options):
            _, state = forward(inputs, targets, state)

    return step


def generator(shape, options, model=None):
    """A function that draws the next token."""
    model = for_inference(model or Model(shape), options)
    dtype = torch.bfloat16 if "bf16" in options else torch.float32
    state, token = zero_state(shape, 1, dtype), torch.zeros(1, 1, dtype=torch.int64)

    def forward(token, state):
        logits, state = model(token, state)
        return functional.softmax(logits[0].float(), dim=1), state

    if "jit" in options:
        model.requires_grad_(False)
        forward = torch.jit.freeze(torch.jit.trace(Traced(model).eval(), (token, state)))
    else:
        forward = compiled(forward, options)

    def step():
        nonlocal state, token
        with precise(options):
            probabilities, state = forward(token, state)
        token = torch.multinomial(probabilities, 1)

    return step


class Traced(nn.Module):
    """What a trace needs: a module that returns probabilities."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, token, state):
        logits, state = self.model(token, state)
        return functional.softmax(logits[0].float(), dim=1), state


def load(shape, options, file):
    """A model with the weights of a file."""
    lazy = "lazy" in options
    if lazy:  # no random weights that are overwritten at once; the device `meta` would do too, but takes a second to import
        for layer in (nn.Embedding, nn.RNNBase, nn.Linear):
            layer.reset_parameters = lambda self: None
    model = Model(shape)
    model.load_state_dict(torch.load(file, mmap=lazy), assign=lazy)
    return model


def timed(step, seconds):
    """Milliseconds of each step after a warm-up, which takes a quarter of the time and at least two steps."""
    for count in range(1, 1000):
        since = time.perf_counter()
        step()
        last = time.perf_counter() - since
        if count >= 2 and (count + 1) * last > seconds / 4:
            break
    took, end = [], time.perf_counter() + seconds
    while len(took) < 3 or time.perf_counter() < end:
        since = time.perf_counter()
        step()
        took.append((time.perf_counter() - since) * 1e3)
    return took


def matmul_error():
    """Relative error of a product against f64."""
    a, b = torch.randn(64, 512), torch.randn(512, 512)
    exact = a.double() @ b.double()
    return float(((a @ b).double() - exact).norm() / exact.norm())


def peak_bytes():
    """The largest resident memory of this process so far."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def say(arguments, **fields):
    about = dict(name=arguments.name, work=arguments.work, options=arguments.options)
    print(json.dumps(dict(**about, torch=torch.__version__, threads=torch.get_num_threads(), **fields)), flush=True)


def describe(options):
    return "; ".join(f"{name}: {meaning}" for name, meaning in options.items())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=CONFIGURATIONS)
    parser.add_argument("work", choices=["train", "score", "eval", "generate", "save", "start"])
    parser.add_argument("--options", nargs="*", default=[], choices=OPTIONS, metavar="OPTION", help=describe(OPTIONS))
    parser.add_argument("--seconds", type=float, default=6, help="time to measure for")
    parser.add_argument("--file", help="weights, for save and start")
    arguments = parser.parse_args()
    shape, options = CONFIGURATIONS[arguments.name], set(arguments.options)

    if arguments.work == "eval":
        shape = replace(shape, batch_size=1, steps=EVAL_STEPS)
    torch.manual_seed(1)
    if "onednn" in options:
        torch.set_float32_matmul_precision("medium")
    if arguments.work == "save":
        torch.save(Model(shape).state_dict(), arguments.file)
        return
    with ExitStack() as stack:
        if arguments.work != "train":
            stack.enter_context(torch.inference_mode() if "inference" in options else torch.no_grad())
        if arguments.work == "start":
            generator(shape, options, load(shape, options, arguments.file))()
            say(arguments, peak_bytes=peak_bytes())
            return
        makers = {"train": trainer, "score": scorer, "eval": scorer, "generate": generator}
        step = makers[arguments.work](shape, options)
        took = timed(step, arguments.seconds)
    tokens = 1 if arguments.work == "generate" else shape.batch_size * shape.steps
    median = statistics.median(took)
    say(
        arguments,
        tokens_per_step=tokens,
        steps=len(took),
        step_ms=median,
        step_ms_min=min(took),
        tokens_per_s=tokens / median * 1e3,
        peak_bytes=peak_bytes(),
        matmul_error=matmul_error(),
    )


if __name__ == "__main__":
    main()
