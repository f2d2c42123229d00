"""Arguments in the forms that the extension module takes."""

from __future__ import annotations

import array
import json
import numbers
import os
from collections.abc import Iterable, Sequence
from typing import Any

from ._elman import Model

Path = str | os.PathLike[str]
Vocabulary = tuple[str, Path, str | None]


def toml(name: str, value: Any) -> str:
    """An option as a line of a configuration file."""
    return f"{name.replace('_', '-')} = {_value(value)}\n"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return '"none"'
    # Numbers of numpy are among these; their repr is not a number.
    if isinstance(value, numbers.Integral):
        return repr(int(value))
    if isinstance(value, numbers.Real):
        return repr(float(value))
    if isinstance(value, str):
        # TOML has no surrogates, and wants the control character 7F escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"an option is a number, a string, a truth value or a list of them, not {value!r}")


def paths(files: Path | Iterable[Path]) -> tuple[Path, ...]:
    """The path of a file, or those of several, as a tuple."""
    return (files,) if isinstance(files, (str, os.PathLike)) else tuple(files)


def text_or_files(files: Path | Iterable[Path] | None, text: str | Iterable[str] | None) -> tuple[Path, ...] | str | list[str]:
    """The files of a text, or the text itself: exactly one is given."""
    if (files is None) == (text is None):
        raise TypeError("give the files of a text, or a list of sentences or one string in memory")
    if files is not None:
        return paths(files)
    assert text is not None
    return text if isinstance(text, str) else list(text)


def vocabulary(vocab_from: Model | Path | None, vocab_file: Path | None, tokenizer: Path | None, eos: str | None) -> Vocabulary | None:
    """Where a vocabulary comes from; None if it is counted in the text."""
    given: list[Vocabulary] = []
    if vocab_from is not None:
        path = vocab_from.path if isinstance(vocab_from, Model) else vocab_from
        if path is None:
            raise ValueError("the model is in no file: save it first, and load it")
        given.append(("model", path, None))
    if vocab_file is not None:
        given.append(("file", vocab_file, None))
    if tokenizer is not None:
        given.append(("tokenizer", tokenizer, eos))
    if len(given) > 1:
        raise TypeError("give one vocabulary: vocab_from, vocab_file or tokenizer")
    return given[0] if given else None


def ids(tokens: Any, end: int) -> bytes:
    """Token ids as the bytes of an array of uint32. Sentences, in a list, are ended with the token ``end``."""
    if not hasattr(tokens, "dtype") and any(not isinstance(token, int) and hasattr(token, "__iter__") for token in tokens):
        return b"".join(_row(row) + _row([end]) for row in tokens)
    return _row(tokens)


def _row(tokens: Any) -> bytes:
    if hasattr(tokens, "dtype"):
        if tokens.dtype.kind not in "iu" or tokens.ndim != 1:
            raise TypeError(f"tokens are an array of integers with one axis, not of {tokens.dtype} with {tokens.ndim}")
        if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < 1 << 32:
            raise ValueError("a token is a number from 0 on, below the size of the vocabulary")
        return bytes(tokens.astype("=u4").tobytes())
    try:
        return array.array("I", tokens).tobytes()
    except OverflowError:
        raise ValueError("a token is a number from 0 on, below the size of the vocabulary") from None
