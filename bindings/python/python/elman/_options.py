"""Options of generation, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict


class SamplingOptions(TypedDict, total=False):
    """Options of generation; they mean what they mean in ``elman generate --help``.

    A model chooses from its own distribution (``temperature`` 1.0), and ``stream`` and ``samples`` write at most 200 tokens unless something else is given.
    """

    #: Largest number of tokens; 200 if it is not given.
    max_tokens: int
    #: Above 1 the text is more varied than the model, below 1 less; 0 always takes the most probable token.
    temperature: float
    #: Choose among this many of the most probable tokens.
    top_k: int | None
    #: Choose among the fewest tokens that together have this probability.
    top_p: float
    #: Choose among tokens with at least this share of the largest probability.
    min_p: float
    #: Choose among the tokens of most typical information that together have this probability.
    typical: float
    #: Above 1: make tokens that already occur in the text less probable.
    repetition_penalty: float
    #: Number of the last tokens that the penalty looks at.
    repetition_window: int | None
    #: Equal seeds write equal texts on every machine.
    seed: int
    #: Strings that end the text; they are not part of it.
    stop: Sequence[str]
    #: Continue after the end of a document, or of the line that a model of sentences writes.
    ignore_eos: bool
    #: Let ``<unk>`` be chosen.
    allow_unk: bool
    #: Write only what this regular expression matches as a whole.
    allow: str | None
    #: Write only these words, in any order.
    allow_words: Sequence[str] | None
