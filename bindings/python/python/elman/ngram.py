"""N-gram models: estimated with interpolated modified Kneser–Ney smoothing, pruned, mixed and saved.

>>> from elman import ngram
>>> model = ngram.train(sentences=["the king was calm", "the king went to the sea"], order=2)
>>> model.order
2
>>> model.save("two.bin")
>>> model.save_arpa("two.arpa")
"""

from __future__ import annotations

import os as _os
from collections.abc import Iterable, Sequence

from . import _elman
from ._elman import Model

__all__ = ["mix", "train"]

_Path = str | _os.PathLike[str]


def train(
    text: _Path | Iterable[_Path] | None = None,
    *,
    sentences: Iterable[str] | None = None,
    order: int = 5,
    prune: Sequence[int] = (),
    prune_entropy: float | None = None,
    vocab: str = "fields",
    max_vocab: int | None = None,
    min_count: int = 1,
    memory: int = 1 << 30,
    threads: int | None = None,
    scratch: _Path | None = None,
) -> Model:
    """Estimate an n-gram model of the text in one file or several, or of a list of sentences.

    The probabilities are those of ``lmplz --discount_fallback``. ``prune`` has the largest count at which n-grams of one word, two words, … are
    left out (the first is 0). ``prune_entropy`` is a threshold of Stolcke's pruning. Sorting takes at most ``memory`` bytes; what does not
    fit goes to files in ``scratch``.
    """
    if isinstance(text, (str, _os.PathLike)):
        text = [text]
    return _elman.train_ngram(
        None if text is None else list(text),
        None if sentences is None else list(sentences),
        order=order,
        prune=list(prune),
        prune_entropy=prune_entropy,
        vocab=vocab,
        max_vocab=max_vocab,
        min_count=min_count,
        memory_bytes=memory,
        threads=threads,
        scratch=scratch,
    )


def mix(members: Iterable[tuple[Model, float]]) -> Model:
    """Mix n-gram models into one back-off model by static interpolation: ``mix([(a, 0.7), (b, 0.3)])``. The weights sum to 1."""
    members = list(members)
    return _elman.mix_ngrams([model for model, _ in members], [weight for _, weight in members])
