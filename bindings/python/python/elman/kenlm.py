"""A module of KenLM's shape, on n-gram models of elman: ``import elman.kenlm as kenlm``.

>>> import elman.kenlm as kenlm
>>> model = kenlm.Model("small.arpa")
>>> round(model.score("the king was calm"), 4)
-3.1087
>>> [(round(p, 3), n, oov) for p, n, oov in model.full_scores("the sheep")]
[(-0.209, 2, False), (-2.006, 1, True), (-0.915, 1, False)]
>>> state, after = kenlm.State(), kenlm.State()
>>> model.BeginSentenceWrite(state)
>>> round(model.BaseScore(state, "the", after), 4)
-0.2088

Everything that the module ``kenlm`` has is here, with the same values: ``Model`` (and its old name ``LanguageModel``), ``State``, ``Config``,
``LoadMethod`` and ``ARPALoadComplain``. Models are ARPA files, plain or compressed, the binaries of KenLM's ``build_binary`` (probing and trie of
any kind, also without words), and elman's own (``elman ngram convert``). ``Model.scores`` scores many sentences at once, on all processors; KenLM
has nothing like it.

Two things differ. Sums are in double precision, where KenLM adds in single precision. And an ARPA file that lists an n-gram without the n-gram at
its end (pruned models do) gets that one filled in by KenLM, which then counts it as found; here ``ngram_length`` is that of what the file
lists.
"""

from __future__ import annotations

import enum
import functools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from ._elman import State, _in_process, _Model

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ARPALoadComplain", "Config", "FullScoreReturn", "LanguageModel", "LoadMethod", "Model", "State"]


class LoadMethod(enum.IntEnum):
    """How KenLM reads a binary file. elman maps binaries into memory and reads what is needed, whatever is chosen."""

    LAZY = 0
    POPULATE_OR_LAZY = 1
    POPULATE_OR_READ = 2
    READ = 3
    PARALLEL_READ = 4


class ARPALoadComplain(enum.IntEnum):
    """When KenLM complains about loading an ARPA file. elman never does."""

    ALL = 0
    EXPENSIVE = 1
    NONE = 2


class Config:
    """Options of loading, which are accepted and change nothing."""

    def __init__(self) -> None:
        self.load_method = LoadMethod.POPULATE_OR_READ
        self.show_progress = False
        self.arpa_complain = ARPALoadComplain.NONE


class FullScoreReturn(NamedTuple):
    """Score of a word: log10 p, the length of the n-gram that was found, and whether the word is unknown."""

    log_prob: float
    ngram_length: int
    oov: bool


class Model(_Model):
    """An n-gram model: ``Model(path)``."""

    def __new__(cls, path: str | bytes | os.PathLike[str], config: Config | None = None) -> Self:
        # Loading works in threads, which a forked process has to have of its own.
        model: Self = _in_process(functools.partial(super().__new__, cls, os.fsdecode(path), config))
        return model

    @property
    def path(self) -> bytes:
        """Path of the model, as the bytes that the system has: pyctcdecode decodes them."""
        return os.fsencode(super().path)

    def full_scores(self, sentence: str | bytes, bos: bool = True, eos: bool = True) -> Iterator[tuple[float, int, bool]]:
        """Yield log10 p, the length of the n-gram that was found, and whether the word is unknown, for each word, with </s> last."""
        yield from self._full_scores(sentence, bos, eos)

    def BaseFullScore(self, in_state: State, word: str | bytes, out_state: State) -> FullScoreReturn:
        """The score of a word after ``in_state``; the state after it is written to ``out_state``."""
        return FullScoreReturn(*self._BaseFullScore(in_state, word, out_state))

    def __reduce__(self) -> tuple[type[Model], tuple[str]]:
        return type(self), (os.fsdecode(self.path),)

    def __repr__(self) -> str:
        return f"<Model from {os.path.basename(self.path)!r}>"


class LanguageModel(Model):
    """The old name of :class:`Model`."""
