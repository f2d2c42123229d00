"""Recurrent and n-gram language models that run on the CPU.

>>> import elman
>>> model = elman.load("small.arpa")
>>> model.architecture
'3-gram'
>>> [row["word"] for row in model.surprisal("the king was calm")]
['the', 'king', 'was', 'calm']

``load`` opens a model of any family, ``train`` and ``resume`` train networks, ``elman.ngram`` makes n-gram models, and ``elman.kenlm``
is a module of KenLM's shape. Records are lists of dictionaries, which pandas and polars take as they are; arrays are numpy's, where
numpy is installed.
"""

from __future__ import annotations

import json as _json
import os as _os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from . import _elman, ngram
from ._elman import Distribution, ElmanError, Model, Pieces, Session, __version__

__all__ = [
    "Distribution",
    "ElmanError",
    "Model",
    "Pieces",
    "Session",
    "__version__",
    "evaluate",
    "from_pretrained",
    "generate",
    "load",
    "log_probs",
    "ngram",
    "resume",
    "train",
]

_Path = str | _os.PathLike[str]


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


def log_probs(distribution: Distribution) -> Any:
    """Natural log-probabilities of all tokens: a read-only numpy array of float64, in the order of ids.

    >>> import numpy, elman
    >>> distribution = elman.load("small.arpa").session().feed("the").next()
    >>> float(numpy.exp(elman.log_probs(distribution)).sum().round(6))
    1.0
    """
    import numpy

    return numpy.frombuffer(distribution._log_probs(), dtype=numpy.float64)


def evaluate(model: Model, path: _Path | None = None, *, text: str | None = None) -> dict[str, Any]:
    """Evaluate ``model`` on the text in a file, or on ``text``: perplexity and everything that was counted, as ``elman eval --json`` prints it.

    >>> import elman
    >>> figures = elman.evaluate(elman.load("small.arpa"), text="the king was calm\\n")
    >>> round(figures["perplexity"], 3), figures["tokens"]
    (4.185, 5)
    """
    figures: dict[str, Any] = _json.loads(model._evaluate(path, text=text))
    return figures


def generate(model: Model, prompt: str = "", **options: Any) -> str:
    """Generate a text that continues ``prompt``; the prompt is not part of the result.

    The options are those of :meth:`Model.stream`, which yields the text while it is written: max_tokens, temperature, top_k, top_p, min_p,
    repetition_penalty, seed and stop.
    """
    return "".join(model.stream(prompt, **options))


def _toml(value: Any) -> str:
    """A value of an option as a configuration file has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return '"none"'
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        return _json.dumps(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    raise TypeError(f"an option is a number, a string, a truth value or a list of them, not {value!r}")


def _paths(paths: _Path | Iterable[_Path]) -> list[_Path]:
    return [paths] if isinstance(paths, (str, _os.PathLike)) else list(paths)


def train(
    text: _Path | Iterable[_Path],
    run: _Path,
    *,
    valid: _Path | Iterable[_Path] | None = None,
    init_from: _Path | None = None,
    progress: Callable[[dict[str, Any]], object] | None = None,
    threads: int | None = None,
    **options: Any,
) -> Model:
    """Train a network on the text in one file or several, in the directory ``run``, and return it.

    ``options`` are those of ``elman train --help``, with underscores: ``train("kjv.txt", "runs/kjv", hidden=128, epochs=2)``. The run is the one
    that the command makes, to the bit, and ``elman watch``, ``report`` and ``eval`` read it. ``progress`` is called with a dictionary about ten
    times a second (``event`` is ``step``, ``validation`` or ``note``). Ctrl-C, or an exception in ``progress``, saves a checkpoint and is raised;
    :func:`resume` goes on from there.
    """
    lines = (f"{name.replace('_', '-')} = {_toml(value)}\n" for name, value in options.items())
    valid = None if valid is None else _paths(valid)
    _elman.train_run(
        _paths(text), run, "".join(lines), valid=valid, init_from=init_from, progress=progress, threads=threads
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
