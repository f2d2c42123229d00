#!/usr/bin/env python3
"""A text of any length for measuring n-gram models: a walk over a real text that invents words.

    python bench/ngram_corpus.py 10000000 > 10m.txt      # tokens, the ends of lines included
    python bench/ngram_corpus.py 100000000 > 100m.txt    # about 520 MB, three minutes

The walk copies the text word by word. After a word it jumps, with probability JUMP, to another place in the text where the
same word stands, and goes on there, so that n-grams grow rarer with their length as in real texts. With probability INVENT a
word is replaced by an invented one, whose number r has P(number >= r) = r^-TAIL: a Zipf law without an end, so that the
vocabulary grows with the text and most of its words are rare. The same seed gives the same text.
"""

import argparse
import sys
from pathlib import Path
from random import Random

JUMP = 0.4
INVENT = 0.06
TAIL = 0.2
LARGEST = 10**9
SYLLABLES = [c + v for c in "bdfgklmnprstvz" for v in ("a", "e", "i", "o", "u", "an", "er")]


def word(number: int) -> str:
    """The invented word of a number from 1."""
    syllables = []
    while number:
        number, place = divmod(number, len(SYLLABLES))
        syllables.append(SYLLABLES[place])
    return "".join(syllables)


def walk(words: list[str], tokens: int, seed: int):
    """Yields the text in parts, a newline for the end of each line."""
    places: dict[str, list[int]] = {}
    for i, here in enumerate(words):
        places.setdefault(here, []).append(i)
    others = [places[here] for here in words]
    uniform = Random(seed).random  # the same in every version of Python
    last, at, part = len(words), 0, []
    for done in range(tokens - 1):
        here = words[at]
        if uniform() < INVENT and here != "\n":
            part.append(word(min(LARGEST, int(uniform() ** (-1 / TAIL)))))
        else:
            part.append(here)
        if uniform() < JUMP:
            choice = others[at]
            at = choice[int(uniform() * len(choice))]
        at += 1
        if at == last:
            at = 0
        if len(part) == 1 << 16:
            yield part
            part = []
    yield [*part, "\n"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokens", type=int)
    parser.add_argument("--text", type=Path, default=Path(__file__).resolve().parent.parent / "data" / "kjv.txt")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.tokens < 1:
        parser.error("a text has at least one token")
    words = args.text.read_text(encoding="utf-8").replace("\n", " \n ").split(" ")
    words = [here for here in words if here]
    # A blank between two words of a line, and none at its beginning.
    before = "\n"
    for part in walk(words, args.tokens, args.seed):
        pieces = []
        for here in part:
            if before != "\n" and here != "\n":
                pieces.append(" ")
            pieces.append(here)
            before = here
        sys.stdout.write("".join(pieces))


if __name__ == "__main__":
    main()
