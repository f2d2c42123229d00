"""Language models for pyctcdecode: networks, n-gram models and mixtures of elman in its beam search.

>>> import elman, elman.pyctcdecode                                             # doctest: +SKIP
>>> network = elman.load("runs/speech", threads=1)                              # doctest: +SKIP
>>> decoder = elman.pyctcdecode.build_ctcdecoder(labels, network, alpha=0.7)    # doctest: +SKIP
>>> text = decoder.decode(logits)                                               # doctest: +SKIP

:class:`LanguageModel` has the methods of pyctcdecode's ``AbstractLanguageModel``. On an n-gram model of words it gives the scores of pyctcdecode's own class
on KenLM. pyctcdecode itself is needed by :func:`build_ctcdecoder` alone.
"""

from __future__ import annotations

import bisect
import importlib
import json
import math
import os
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from ._elman import ElmanError, Model, Session

__all__ = ["LanguageModel", "State", "build_ctcdecoder"]

_Path = str | os.PathLike[str]

_LN_10 = math.log(10.0)
#: ln p of what a model excludes: KenLM's score of an unknown word under a model without <unk>.
_LEAST = -100.0 * _LN_10
#: Usual length of a word: the offset of a longer partial word grows with its length, as in pyctcdecode.
_USUAL_LENGTH = 6
#: Kinds of vocabularies that list words.
_WORDS = ("words", "whitespace", "fields")
#: What a directory holds that ``save_to_dir`` has written.
_ATTRIBUTES = "elman.json"
_UNIGRAMS = "unigrams.txt"


class State(NamedTuple):
    """The text of a hypothesis as the model remembers it. A state is never changed: scoring a word makes a new one."""

    #: The session that was fed the text.
    session: Session
    #: Whether the text is empty.
    begins: bool

    def get_mp_safe_state(self) -> State | None:
        """The state for another process, where the model can be sent there; versions of pyctcdecode after 0.5.0 ask for it."""
        return None if self.session.model.path is None else self


class LanguageModel:
    """A model of elman as pyctcdecode asks for it: ``BeamSearchDecoderCTC(alphabet, LanguageModel(model))``.

    ``score`` returns alpha · ln p(word | text) + beta. ``unigrams`` are the words that are known, by default those of the vocabulary if it lists words. A word
    that is not known, or that the model's vocabulary lacks, gets ``unk_score_offset`` (log10) more, and a partial word that begins none of them gets
    ``unk_score_offset``: pyctcdecode scales the one by alpha and not the other. A vocabulary of characters, bytes or word pieces spells every word, so without ``unigrams`` all words and partial words are known.

    An empty word, with which pyctcdecode asks for the end of a text after a space, costs nothing; KenLM takes it for an unknown word.

    ``score_boundary`` has a text begin as the model's texts do, and scores its end. ``order`` is the number of words after which hypotheses with the same last
    words become one: that of an n-gram model, and by default the whole text for others, which forget nothing.

    >>> import elman
    >>> from elman.pyctcdecode import LanguageModel
    >>> model = LanguageModel(elman.load("small.arpa"), alpha=1.0, beta=0.0)
    >>> score, state = model.score(model.get_start_state(), "the")
    >>> round(score, 4)
    -0.4808
    >>> model.score_partial_token("kin"), model.score_partial_token("kid")
    (0.0, -10.0)
    """

    def __init__(
        self,
        model: Model,
        unigrams: Collection[str] | None = None,
        alpha: float = 0.5,
        beta: float = 1.5,
        unk_score_offset: float = -10.0,
        score_boundary: bool = True,
        order: int | None = None,
    ) -> None:
        self.model = model
        self.alpha = alpha
        self.beta = beta
        self.unk_score_offset = unk_score_offset
        self.score_boundary = score_boundary
        self._order = order or model.order
        lists_words = model.vocab_kind in _WORDS
        special = {token for token in (model.eos_id, model.unk_id) if token is not None}
        known = unigrams
        if lists_words:
            words = [token for id, token in enumerate(model.vocab()) if id not in special]
            known = words if known is None else set(known).intersection(words)
        # Sorted words are a dictionary of their beginnings: those that begin alike stand together.
        self._unigrams = None if known is None else sorted(set(known))
        self._unigram_set = frozenset(self._unigrams or ())
        self._given = unigrams is not None
        # Ids of a word at the beginning of a text, and within one.
        self._ids: dict[tuple[str, bool], list[int]] = {}
        self._head = [] if lists_words else model.tokenize("a")

    @property
    def order(self) -> int:
        """Number of words, the last one included, that decide how hypotheses are continued."""
        return self._order or 1 << 30

    def reset_params(self, **params: Any) -> None:
        """Change alpha, beta, unk_score_offset or score_boundary."""
        for name, value in params.items():
            kind = bool if name == "score_boundary" else float
            if name not in ("alpha", "beta", "unk_score_offset", "score_boundary"):
                raise ValueError(f"there is no parameter {name}: they are alpha, beta, unk_score_offset and score_boundary")
            if value is None:
                continue
            if not isinstance(value, kind):
                raise ValueError(f"{name} is a {kind.__name__}, not {value!r}")
            setattr(self, name, value)

    def get_start_state(self) -> State:
        """The state at the beginning of a text."""
        return State(self.model.session(), True)

    def score_partial_token(self, partial_token: str) -> float:
        """The score of a word that is not complete: 0 if a known word begins like that, otherwise the offset of unknown words."""
        if self._unigrams is None:
            return 0.0
        at = bisect.bisect_left(self._unigrams, partial_token)
        if at < len(self._unigrams) and self._unigrams[at].startswith(partial_token):
            return 0.0
        return self.unk_score_offset * max(len(partial_token), _USUAL_LENGTH) / _USUAL_LENGTH

    def score(self, prev_state: State, word: str, is_last_word: bool = False) -> tuple[float, State]:
        """The score of ``word`` after ``prev_state``, with that of the text's end if it is the last word, and the state after the word."""
        session = prev_state.session.fork()
        ids = self._tokens(word, prev_state.begins)
        log_prob = max(_LEAST, sum(session.score_tokens(ids)))
        if self._is_unknown(word, ids):
            log_prob += self.unk_score_offset * _LN_10
        state = State(session, prev_state.begins and not ids)
        if is_last_word and self.score_boundary:
            log_prob += max(_LEAST, session.fork().score_tokens([self.model.eos_id])[0])
        return self.alpha * log_prob + self.beta, state

    def _tokens(self, word: str, begins: bool) -> list[int]:
        """The tokens of a word at the beginning of a text, or after another word."""
        found = self._ids.get((word, begins))
        if found is None:
            found = self.model.tokenize(word)
            if self._head and not begins:
                # As the word is spelt within a text: what follows the tokens of the word before it.
                whole = self.model.tokenize("a " + word)
                same = whole[: len(self._head)] == self._head
                found = whole[len(self._head) :] if same else self.model.tokenize(" " + word)
            self._ids[word, begins] = found
        return found

    def _is_unknown(self, word: str, ids: list[int]) -> bool:
        if self._unigrams is not None and word and word not in self._unigram_set:
            return True
        return self.model.unk_id in ids

    def save_to_dir(self, filepath: _Path) -> None:
        """Save the model and the parameters in a directory, which :meth:`load_from_dir` reads."""
        name = "model" if self.model.order is None else "model.bin"
        try:
            self.model.save(os.path.join(filepath, name))
        except ElmanError as error:
            raise ElmanError(f"{error}: save the models of a mixture, and build it again") from None
        attributes = {
            "model": name,
            "alpha": self.alpha,
            "beta": self.beta,
            "unk_score_offset": self.unk_score_offset,
            "score_boundary": self.score_boundary,
            "order": self._order,
        }
        if self._given:
            with open(os.path.join(filepath, _UNIGRAMS), "w", encoding="utf-8") as file:
                file.writelines(f"{word}\n" for word in self._unigrams or ())
        with open(os.path.join(filepath, _ATTRIBUTES), "w", encoding="utf-8") as file:
            json.dump(attributes, file)

    @classmethod
    def load_from_dir(cls, filepath: _Path) -> LanguageModel:
        """Load what :meth:`save_to_dir` has saved."""
        with open(os.path.join(filepath, _ATTRIBUTES), encoding="utf-8") as file:
            attributes = json.load(file)
        unigrams = None
        if os.path.exists(os.path.join(filepath, _UNIGRAMS)):
            with open(os.path.join(filepath, _UNIGRAMS), encoding="utf-8") as file:
                unigrams = file.read().splitlines()
        model = Model(os.path.join(filepath, attributes.pop("model")))
        return cls(model, unigrams, **attributes)


def build_ctcdecoder(
    labels: Sequence[str],
    model: Model,
    unigrams: Collection[str] | None = None,
    alpha: float = 0.5,
    beta: float = 1.5,
    unk_score_offset: float = -10.0,
    lm_score_boundary: bool = True,
    order: int | None = None,
) -> Any:
    """Build pyctcdecode's ``BeamSearchDecoderCTC`` with a model of elman; the arguments are those of ``pyctcdecode.build_ctcdecoder`` otherwise."""
    decoder: Any = importlib.import_module("pyctcdecode.decoder")
    abstract: Any = importlib.import_module("pyctcdecode.language_model").AbstractLanguageModel
    abstract.register(LanguageModel)
    language_model = LanguageModel(model, unigrams, alpha, beta, unk_score_offset, lm_score_boundary, order)
    alphabet = decoder.Alphabet.build_alphabet(list(labels))
    if language_model._unigrams:
        decoder.verify_alphabet_coverage(alphabet, language_model._unigrams)
    return decoder.BeamSearchDecoderCTC(alphabet, language_model)
