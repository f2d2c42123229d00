"""Recurrent and n-gram language models that run on the CPU.

>>> import elman
>>> model = elman.load("small.arpa")
>>> model.architecture
'3-gram'
>>> [row["word"] for row in model.surprisal("the king was calm")]
['the', 'king', 'was', 'calm']

``load`` opens a model of any family, ``train`` and ``resume`` train networks, ``elman.ngram`` makes n-gram models, ``elman.inspect`` looks into
networks, and ``elman.kenlm`` is a module of KenLM's shape. Records are lists of dictionaries, which pandas and polars take as they are; arrays are numpy's, where
numpy is installed.
"""

from __future__ import annotations

import json as _json
import os as _os
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import _elman, inspect, ngram
from ._arguments import ids as _ids
from ._arguments import paths as _paths
from ._arguments import text_or_files as _text_or_files
from ._arguments import toml as _toml
from ._arguments import vocabulary as _vocabulary
from ._elman import Distribution, ElmanError, Model, Pieces, Session, __version__
from ._options import SamplingOptions

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from typing_extensions import Unpack

__all__ = [
    "Distribution",
    "ElmanError",
    "Model",
    "Pieces",
    "SamplingOptions",
    "Session",
    "__version__",
    "evaluate",
    "fit_weights",
    "from_pretrained",
    "generate",
    "inspect",
    "load",
    "log_probs",
    "ngram",
    "resume",
    "train",
]

_Path = str | _os.PathLike[str]

# A child of `fork` has none of its parent's threads.
if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(after_in_child=_elman._forked)


def load(path: _Path, *, weights: str = "f32", threads: int | None = None) -> Model:
    """Load a model: a run's directory, a model's directory, or the file of an n-gram model (ARPA or binary).

    ``weights`` is the number format of a network's matrices: f32, bf16 or int8. A network computes on all processors unless ``threads`` is given.
    """
    return Model(path, weights=weights, threads=threads)


#: Another name of :func:`load`, for programs that know Transformers.
from_pretrained = load


def _load(path: str, weights: str, threads: int | None) -> Model:
    """Load a model for ``pickle``."""
    return Model(path, weights=weights, threads=threads)


def log_probs(distribution: Distribution) -> NDArray[float64]:
    """Natural log-probabilities of all tokens, in the order of ids; another form of :meth:`Distribution.log_probs`.

    >>> import numpy, elman
    >>> distribution = elman.load("small.arpa").session().feed("the").next()
    >>> float(numpy.exp(elman.log_probs(distribution)).sum().round(6))
    1.0
    """
    return distribution.log_probs()


def evaluate(
    model: Model,
    path: _Path | Iterable[_Path] | None = None,
    *,
    text: str | Sequence[str] | None = None,
    layout: str | None = None,
    batch_size: int | None = None,
    loss_after: str | None = None,
    lossy: bool = False,
    document_separator: str | None = None,
    skip_symbols: bool = False,
) -> dict[str, Any]:
    """Evaluate ``model`` on the text in a file or several, or on ``text``: what ``elman eval --json`` prints.

    The options are those of the command: ``layout`` is stream or sentences (as the model was trained, if it is not given), ``batch_size`` scores
    slices of the text in parallel, and ``loss_after`` asks for what stands in each line after the last of that token.

    >>> import elman
    >>> figures = elman.evaluate(elman.load("small.arpa"), text="the king was calm\\n")
    >>> round(figures["perplexity"], 3), figures["tokens"]
    (4.185, 5)
    """
    figures: dict[str, Any] = _json.loads(
        _elman.evaluate_model(
            model,
            _text_or_files(path, text),
            layout=layout,
            batch_size=batch_size,
            loss_after=loss_after,
            lossy=lossy,
            document_separator=document_separator,
            skip_symbols=skip_symbols,
        )
    )
    return figures


def generate(model: Model, prompt: str = "", **options: Unpack[SamplingOptions]) -> str:
    """Generate a text that continues ``prompt``; the prompt is not part of the result.

    The options are those of :meth:`Model.stream`, which yields the text while it is written: max_tokens, temperature, top_k, top_p, min_p,
    typical, repetition_penalty, repetition_window, seed, stop, ignore_eos, allow_unk, allow and allow_words. They mean what they mean in
    ``elman generate --help``.

    >>> import elman
    >>> elman.generate(elman.load("small.arpa"), "the king", temperature=0.0, max_tokens=3)
    ' went up\\n'
    """
    return "".join(model.stream(prompt, **options))


def fit_weights(
    models: Sequence[Model], path: _Path | Iterable[_Path] | None = None, *, text: str | Sequence[str] | None = None
) -> list[float]:
    """Fit the weights of the best linear mixture of ``models`` on a text, by EM; the models may be of any family.

    >>> import elman
    >>> model = elman.load("small.arpa")
    >>> other = elman.ngram.train(sentences=["the king was calm", "the sea was calm"], order=2)
    >>> weights = elman.fit_weights([model, other], text="the king was calm\\n")
    >>> mixed = elman.ngram.mix(zip([model, other], weights))
    """
    return _elman.fit_weights(list(models), _text_or_files(path, text))


def train(
    text: _Path | Iterable[_Path] | None = None,
    run: _Path | None = None,
    *,
    sentences: str | Iterable[str] | None = None,
    tokens: Any = None,
    valid: _Path | Iterable[_Path] | None = None,
    valid_tokens: Any = None,
    vocab_from: Model | _Path | None = None,
    vocab_file: _Path | None = None,
    tokenizer: _Path | None = None,
    tokenizer_eos: str | None = None,
    init_from: Model | _Path | None = None,
    progress: Callable[[dict[str, Any]], object] | None = None,
    threads: int | None = None,
    **options: Any,
) -> Model:
    """Train a network in the directory ``run``, and return it.

    The text is in a file or several (``text``), in memory (``sentences``: a list, or one string of lines), or it is tokens already (``tokens``: an array
    of ids, line ends included, or a list of sentences of ids, which are ended). Tokens are ids of the vocabulary that ``vocab_from``, ``vocab_file``,
    ``tokenizer`` or ``init_from`` names; ``valid_tokens`` are those of the validation text. Without a validation text the last 5 % of the text are held out.

    ``options`` are those of ``elman train --help``, with underscores: ``train("kjv.txt", "runs/kjv", hidden=128, epochs=2)``. The run is the one
    that the command makes, to the bit, and ``elman watch``, ``report`` and ``eval`` read it. ``progress`` is called with a dictionary about ten
    times a second (``event`` is ``step``, ``validation`` or ``note``). Ctrl-C, or an exception in ``progress``, saves a checkpoint and is raised;
    :func:`resume` goes on from there.
    """
    if run is None or sum(given is not None for given in (text, sentences, tokens)) != 1:
        raise TypeError("train takes a text and the directory of the run: files, or sentences=, or tokens=")
    vocabulary = _vocabulary(vocab_from, vocab_file, tokenizer, tokenizer_eos)
    start = None if init_from is None else _vocabulary(init_from, None, None, None)
    ids = None
    if tokens is not None:
        if valid is not None:
            raise TypeError("the validation text of tokens is tokens too: give valid_tokens=")
        source = vocabulary or start
        if source is None:
            raise TypeError("tokens are ids of a vocabulary: give vocab_from=, vocab_file=, tokenizer= or init_from=")
        end = _elman.eos_of(source, options.get("vocab", "words"))
        ids = _ids(tokens, end), None if valid_tokens is None else _ids(valid_tokens, end)
    elif valid_tokens is not None:
        raise TypeError("valid_tokens= belongs to tokens=: give the files of the validation text as valid=")
    _elman.train_run(
        () if tokens is not None else _text_or_files(text, sentences),
        run,
        "".join(_toml(name, value) for name, value in options.items()),
        ids=ids,
        valid=None if valid is None else list(_paths(valid)),
        vocabulary=vocabulary,
        init_from=None if start is None else start[1],
        progress=progress,
        threads=threads,
    )
    return load(run, threads=threads)


def resume(
    run: _Path,
    *,
    epochs: float | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    progress: Callable[[dict[str, Any]], object] | None = None,
    threads: int | None = None,
) -> Model:
    """Resume the run in the directory ``run``, perhaps with a new budget, and return its network."""
    _elman.resume_run(run, epochs=epochs, steps=steps, minutes=minutes, progress=progress, threads=threads)
    return load(run, threads=threads)
