"""Language models as estimators and transformers of scikit-learn.

>>> from elman.sklearn import NGramModel
>>> model = NGramModel(order=2).fit(["the king was calm", "the king went to the sea"])
>>> model.transform(["the king was calm", "calm the was king"]).shape
(2, 4)
>>> likely, unlikely = model.score_samples(["the king was calm", "calm the was king"])
>>> bool(likely > unlikely)
True

:class:`NGramModel` and :class:`NetworkModel` are trained by ``fit``, :class:`PretrainedModel` is loaded. A sample is a text of one line or several; each line is scored
from its beginning. scikit-learn itself is not needed, numpy is.
"""

from __future__ import annotations

import importlib as _importlib
import inspect as _inspect
import math as _math
import os as _os
import tempfile as _tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import ngram as _ngram
from ._elman import Model

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray
    from typing_extensions import Self

__all__ = ["NGramModel", "NetworkModel", "PretrainedModel"]

_Path = str | _os.PathLike[str]

#: Columns of ``transform``.
_FEATURES = ("log_prob", "tokens", "oov", "log_prob_per_token")


class _Estimator:
    """What all estimators have: parameters as scikit-learn knows them, and scores of a model, which ``fit`` sets as ``model_``."""

    model_: Model

    @classmethod
    def _names(cls) -> list[str]:
        return sorted(_inspect.signature(cls).parameters)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, by name."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self, **params: Any) -> Self:
        """Change parameters; ``fit`` uses them."""
        for name, value in params.items():
            if name not in self._names():
                raise ValueError(f"{type(self).__name__} has no parameter {name}: it has {', '.join(self._names())}")
            setattr(self, name, value)
        return self

    def set_output(self, *, transform: str | None = None) -> Self:
        """What ``transform`` returns: ``default`` (an array), ``pandas`` or ``polars`` (a data frame)."""
        if transform not in (None, "default", "pandas", "polars"):
            raise ValueError(f"transform is default, pandas or polars, not {transform!r}")
        if transform is not None:
            self._output = transform
        return self

    def __repr__(self) -> str:
        defaults = {name: parameter.default for name, parameter in _inspect.signature(type(self)).parameters.items()}
        changed = [f"{name}={value!r}" for name, value in self.get_params().items() if value != defaults[name]]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks about an estimator: the input is text, and no target is needed."""
        utils: Any = _importlib.import_module("sklearn.utils")
        return utils.Tags(
            estimator_type=None,
            target_tags=utils.TargetTags(required=False),
            transformer_tags=utils.TransformerTags(),
            input_tags=utils.InputTags(one_d_array=True, two_d_array=False, string=True),
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        raise NotImplementedError

    def fit_transform(self, X: Iterable[str], y: Any = None) -> Any:
        """Fit the model on the texts, and return their features."""
        texts = _texts(X)
        return self.fit(texts, y).transform(texts)

    def transform(self, X: Iterable[str]) -> Any:
        """Four features of each text: its natural log-probability, the numbers of its tokens and of those that the vocabulary lacks, and the
        log-probability per token."""
        import numpy

        log_probs, tokens, oov = self._sums(_texts(X))
        columns = [log_probs, tokens, oov, log_probs / tokens]
        output = getattr(self, "_output", "default")
        if output != "default":
            return _importlib.import_module(output).DataFrame(dict(zip(_FEATURES, columns, strict=True)))
        return numpy.stack(columns, axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """The names of the features: log_prob, tokens, oov, log_prob_per_token."""
        import numpy

        return numpy.array(_FEATURES, dtype=object)

    def score_samples(self, X: Iterable[str]) -> NDArray[float64]:
        """The natural log-probability of each text, the ends of its lines included."""
        return self._sums(_texts(X))[0]

    def score(self, X: Iterable[str], y: Any = None) -> float:
        """The mean log-probability of a text: larger is better."""
        return float(self.score_samples(X).mean())

    def perplexity(self, X: Iterable[str]) -> float:
        """The perplexity of all texts together, the ends of their lines included."""
        log_probs, tokens, _ = self._sums(_texts(X))
        return _math.exp(-float(log_probs.sum()) / float(tokens.sum()))

    def _sums(self, texts: list[str]) -> list[NDArray[float64]]:
        """Log-probability, tokens and unknown tokens of each text."""
        import numpy

        if not hasattr(self, "model_"):
            raise _not_fitted(f"this {type(self).__name__} is not fitted yet: call fit first")
        lines = [text.splitlines() or [""] for text in texts]
        rows = self.model_.score([line for text in lines for line in text])
        numbers = numpy.array([(row["log10_p"] * _math.log(10.0), row["tokens"], row["oov"]) for row in rows], dtype=float)
        ends = numpy.cumsum([0] + [len(text) for text in lines])
        sums = numpy.add.reduceat(numbers.reshape(-1, 3), ends[:-1], axis=0) if texts else numbers.reshape(-1, 3)
        return list(sums.T)


class NGramModel(_Estimator):
    """An n-gram model that ``fit`` estimates from texts; the parameters are those of :func:`elman.ngram.train`."""

    def __init__(
        self,
        order: int = 3,
        prune: Sequence[int] = (),
        prune_entropy: float | None = None,
        vocab: str = "fields",
        max_vocab: int | None = None,
        min_count: int = 1,
        memory: int = 1 << 30,
        threads: int | None = None,
    ) -> None:
        self.order = order
        self.prune = prune
        self.prune_entropy = prune_entropy
        self.vocab = vocab
        self.max_vocab = max_vocab
        self.min_count = min_count
        self.memory = memory
        self.threads = threads

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Estimate the model from the lines of texts."""
        self.model_ = _ngram.train(sentences=_lines(X), **self.get_params())
        return self


class NetworkModel(_Estimator):
    """A network that ``fit`` trains on texts. ``options`` are those of :func:`elman.train`: ``NetworkModel(options={"hidden": 64, "steps": 300})``.

    The run is made in the directory ``run``, or in a temporary one, which lives as long as the estimator. A model is pickled by its path, so give a
    directory where the estimator is to be kept.
    """

    def __init__(self, run: _Path | None = None, options: Mapping[str, Any] | None = None, threads: int | None = None) -> None:
        self.run = run
        self.options = options
        self.threads = threads

    def fit(self, X: Iterable[str], y: Any = None) -> Self:
        """Train the network on the lines of texts; the last 5 % of the lines are held out for validation."""
        from . import train

        run = self.run
        if run is None:
            self._directory = _tempfile.TemporaryDirectory(prefix="elman-")
            run = _os.path.join(self._directory.name, "run")
        self.model_ = train(run=run, sentences=_lines(X), threads=self.threads, **(self.options or {}))
        return self

    def __getstate__(self) -> dict[str, Any]:
        if hasattr(self, "_directory"):
            raise TypeError("this network is in a temporary directory, and a model is pickled by its path: give NetworkModel a run")
        return self.__dict__


class PretrainedModel(_Estimator):
    """A model of any family at ``path``, which ``fit`` loads and does not change."""

    def __init__(self, path: _Path, weights: str = "f32", threads: int | None = None) -> None:
        self.path = path
        self.weights = weights
        self.threads = threads

    def fit(self, X: Iterable[str] | None = None, y: Any = None) -> Self:
        """Load the model; the texts are not used."""
        self.model_ = Model(self.path, weights=self.weights, threads=self.threads)
        return self


def _texts(X: Iterable[str]) -> list[str]:
    if isinstance(X, (str, bytes)):
        raise ValueError("X is a list of texts, not one text")
    texts = []
    for text in X:
        if not isinstance(text, str):
            raise ValueError(f"X is a list of texts, and one of them is {text!r}")
        texts.append(text)
    return texts


def _lines(X: Iterable[str]) -> list[str]:
    return [line for text in _texts(X) for line in text.splitlines()]


def _not_fitted(message: str) -> Exception:
    """scikit-learn's own exception, where it is installed."""
    try:
        exceptions: Any = _importlib.import_module("sklearn.exceptions")
    except ImportError:
        return AttributeError(message)
    error: Exception = exceptions.NotFittedError(message)
    return error
