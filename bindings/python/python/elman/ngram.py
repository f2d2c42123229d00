"""N-gram models: estimated with interpolated modified Kneser–Ney smoothing, pruned, mixed and saved.

>>> from elman import ngram
>>> model = ngram.train(sentences=["the king was calm", "the king went to the sea"], order=2)
>>> model.order
2
>>> model.save("two.bin")
>>> model.save("two.arpa")

``elman.load`` reads what was saved, ``elman.evaluate`` measures perplexity and ``elman.generate`` lets a model write, as for models of any family.
"""

from __future__ import annotations

import os as _os
from collections.abc import Iterable, Sequence
from typing import Any

from . import _elman
from ._arguments import text_or_files as _text_or_files
from ._arguments import vocabulary as _vocabulary
from ._elman import Model

__all__ = ["info", "load", "mix", "prune", "train"]

_Path = str | _os.PathLike[str]


def train(
    text: _Path | Iterable[_Path] | None = None,
    *,
    sentences: str | Iterable[str] | None = None,
    order: int = 5,
    prune: Sequence[int] = (),
    prune_entropy: float | None = None,
    vocab: str = "fields",
    max_vocab: int | None = None,
    min_count: int = 1,
    vocab_from: Model | _Path | None = None,
    vocab_file: _Path | None = None,
    tokenizer: _Path | None = None,
    tokenizer_eos: str | None = None,
    lossy: bool = False,
    skip_symbols: bool = False,
    memory: int = 1 << 30,
    threads: int | None = None,
    scratch: _Path | None = None,
) -> Model:
    """Estimate an n-gram model of the text in one file or several, or of a list of sentences.

    The probabilities are those of ``lmplz --discount_fallback``. ``prune`` has the largest count at which n-grams of one word, two words, … are
    left out (the first is 0). ``prune_entropy`` is a threshold of Stolcke's pruning. Sorting takes at most ``memory`` bytes; what does not
    fit goes to files in ``scratch``. The other options are those of ``elman ngram train --help``.
    """
    return _elman.train_ngram(
        _text_or_files(text, sentences),
        order=order,
        prune=list(prune),
        prune_entropy=prune_entropy,
        vocab=vocab,
        max_vocab=max_vocab,
        min_count=min_count,
        vocabulary=_vocabulary(vocab_from, vocab_file, tokenizer, tokenizer_eos),
        lossy=lossy,
        skip_symbols=skip_symbols,
        memory_bytes=memory,
        threads=threads,
        scratch=scratch,
    )


def load(path: _Path, *, clip_positive: bool = False) -> Model:
    """Load an n-gram model as :func:`elman.load` does. ``clip_positive`` reads log-probabilities above 0 of an ARPA file as 0, which is refused otherwise."""
    return _elman.load_ngram(path, clip_positive) if clip_positive else Model(path)


def prune(
    model: Model,
    threshold: float,
    *,
    history: _Path | Iterable[_Path] | None = None,
    sentences: str | Iterable[str] | None = None,
) -> Model:
    """Leave out the n-grams whose absence raises the perplexity by less than ``threshold`` (Stolcke 1998).

    The text in the files ``history``, or in ``sentences``, says how often each history occurs, best the training text. Without one it is the model's own
    probability of the history, which suits Kneser–Ney models less.

    >>> from elman import ngram
    >>> sentences = ["the king was calm", "the king went to the sea", "a king was calm"]
    >>> model = ngram.train(sentences=sentences, order=3)
    >>> sum(ngram.info(ngram.prune(model, 0.01, sentences=sentences))["ngrams"]) < sum(ngram.info(model)["ngrams"])
    True
    """
    text = None if history is None and sentences is None else _text_or_files(history, sentences)
    return _elman.prune_ngram(model, threshold, text)


def info(model: Model) -> dict[str, Any]:
    """What a model holds: order, ngrams (the number of n-grams of each order), vocab_kind, vocab_size, parameters, bytes, id and notes.

    >>> import elman
    >>> elman.ngram.info(elman.load("small.arpa"))["ngrams"]
    [16, 26, 30]
    """
    return _elman.ngram_info(model)


def mix(members: Iterable[tuple[Model, float]]) -> Model:
    """Mix n-gram models into one back-off model by static interpolation: ``mix([(a, 0.7), (b, 0.3)])``. The weights sum to 1.

    :func:`elman.fit_weights` finds the best weights for a text.
    """
    members = list(members)
    return _elman.mix_ngrams([model for model, _ in members], [weight for _, weight in members])
