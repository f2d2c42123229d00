"""Looking into networks: hidden states over a text, and how gradients flow back through time.

Arrays are numpy's, which has to be installed. They are read-only views of memory that elman filled, without a copy. docs/INSPECT.md says what each number means.
"""

from __future__ import annotations

import json as _json
import os as _os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _elman
from ._arguments import text_or_files as _text_or_files
from ._arguments import toml as _toml
from ._arguments import vocabulary as _vocabulary
from ._elman import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Gradients", "LayerGradients", "gradients", "hidden_states", "untrained"]

_Path = str | _os.PathLike[str]


def hidden_states(
    model: Model,
    text: str | Sequence[str] | None = None,
    *,
    path: _Path | Iterable[_Path] | None = None,
    limit: int = 20_000,
) -> dict[str, Any]:
    """The state of every unit after every token of a text, of which the first ``limit`` tokens are read.

    The dictionary holds ``tokens`` (a list of strings), ``ids`` (an array of N), ``h_l0`` (N, H) of the lowest layer and so on, and ``c_l0`` … of an
    LSTM. A row is the state after its token has been read.

    >>> import elman
    >>> network = elman.inspect.untrained(["the king was calm", "the sheep went to the sea"], hidden=8, vocab="fields")
    >>> states = elman.inspect.hidden_states(network, "the king was calm")
    >>> states["tokens"], states["h_l0"].shape
    (['the', 'king', 'was', 'calm', '<eos>'], (5, 8))
    """
    return _elman.hidden_states(model, _text_or_files(path, text), limit=limit)


class LayerGradients(NamedTuple):
    """Gradient flow through one layer."""

    #: Index of the layer, from 0.
    layer: int
    #: Factor per step: the norm at the longest lag N to the power 1/N.
    factor: float
    #: ``vanishing``, ``exploding`` or ``stable``.
    verdict: str
    #: Columns by lag: ``lag``, and log10 of the norm of dh_t/dh_k as ``mean_log10``, ``least_log10`` and ``most_log10`` over the excerpts, ``steps_log10``
    #: (the product of the norms of the single steps) and ``bound_log10`` (the chapter's bound). -inf is a norm of 0.
    norms: dict[str, NDArray[Any]]
    #: Columns by lag, from 0 on: what the steps at that lag contribute to dE_t/dW, ``lag``, ``share``, ``size`` and ``beyond``.
    shares: dict[str, NDArray[Any]]


class Gradients(NamedTuple):
    """Gradient flow through a network."""

    #: ``vanishing``, ``exploding`` or ``stable``, over all layers.
    verdict: str
    #: The layers, from below.
    layers: list[LayerGradients]
    #: What the chapter would try next, in sentences.
    remedies: list[str]
    #: Everything that ``elman inspect gradients --json`` prints.
    report: dict[str, Any]


def gradients(
    model: Model,
    text: str | Sequence[str] | None = None,
    *,
    path: _Path | Iterable[_Path] | None = None,
    excerpts: int = 4,
    lags: int = 100,
    context: int = 100,
    seed: int = 1,
    layout: str | None = None,
    loss_after: str | None = None,
) -> Gradients:
    """How gradients flow back through time: the norms of dh_t/dh_k by lag t - k, beside their bound, and what each lag contributes to the gradient.

    ``excerpts`` places of the text are drawn with ``seed``; each is read after ``context`` tokens, and gradients go back ``lags`` steps.
    The columns of ``norms`` and ``shares`` make a table: ``pandas.DataFrame(flow.layers[0].norms)``.

    >>> import elman
    >>> network = elman.inspect.untrained("the king was calm\\n" * 50, cell="elman", hidden=16, vocab="chars")
    >>> flow = elman.inspect.gradients(network, "the king was calm\\n" * 50, lags=30)
    >>> flow.verdict, len(flow.layers[0].norms["lag"])
    ('vanishing', 30)
    """
    printed, tables = _elman.gradients(
        model,
        _text_or_files(path, text),
        excerpts=excerpts,
        lags=lags,
        context=context,
        seed=seed,
        layout=layout,
        loss_after=loss_after,
    )
    report: dict[str, Any] = _json.loads(printed)
    layers = [
        LayerGradients(layer["layer"], layer["factor"], layer["verdict"], norms, shares)
        for layer, (norms, shares) in zip(report["layers"], tables, strict=True)
    ]
    return Gradients(report["verdict"], layers, report["remedies"], report)


def untrained(
    text: str | Iterable[str] | None = None,
    *,
    path: _Path | Iterable[_Path] | None = None,
    vocab_from: Model | _Path | None = None,
    vocab_file: _Path | None = None,
    tokenizer: _Path | None = None,
    tokenizer_eos: str | None = None,
    **options: Any,
) -> Model:
    """The network with which training on a text would begin; ``options`` are those of :func:`elman.train`.

    Many of the chapter's claims are about the first step and need no training.

    >>> import elman
    >>> elman.inspect.untrained("the king was calm\\n", cell="gru", hidden=16).architecture
    'gru 1×16'
    """
    return _elman.untrained(
        _text_or_files(path, text),
        "".join(_toml(name, value) for name, value in options.items()),
        vocabulary=_vocabulary(vocab_from, vocab_file, tokenizer, tokenizer_eos),
    )
