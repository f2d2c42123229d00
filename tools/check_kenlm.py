#!/usr/bin/env python3
"""Checks `elman.kenlm` against the Python package `kenlm` on any of its files: ARPA, probing and trie, with and without words.

    pip install kenlm ./bindings/python
    python tools/check_kenlm.py FILE... [--sentences 10000] [--words FILE]

Random sentences are made of words of the file `--words` (text or ARPA; by default of each ARPA file itself, or of the one beside a binary
file with the same name up to its first hyphen), with unknown words, `<unk>`, `<s>` and `</s>`, empty sentences and odd white space. For each: `score` with and
without the beginning and the end, `full_scores`, `perplexity`, and word by word `BaseScore` and `BaseFullScore`. Numbers are equal to 1e-5
of their size; lengths of n-grams and unknown words are equal; states are equal where those of kenlm are: over all sentences, one state of kenlm is one state
of elman and the reverse. (Lengths and states of ARPA files that lack an n-gram at the end of another one may differ: `elman.kenlm` says how.)

Files may be compressed with gzip, which kenlm does not read; they are unpacked first. Checked with kenlm 0.3.0.
"""

import argparse
import gzip
import math
import random
import shutil
import sys
import tempfile
from pathlib import Path

import kenlm

from elman import kenlm as ours

TOLERANCE = 1e-5
SPACES = [" ", " ", " ", " ", " ", "  ", "\t", "\v", "\f", "\r", "\n", " \t "]
ODD = ["zebra-unknown", "é", "日本", "<unk>", "<UNK>", "<s>", "</s>", "<eos>", "a\u00a0b", "\u2028", "\x1c", "#", "1"]


def words_of(path: Path) -> list[str]:
    """Words of a text, or of the 1-grams of an ARPA file."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        lines = [line.rstrip("\n") for line in lines]
    if "\\data\\" in lines:
        first = lines.index("\\1-grams:") + 1
        grams = (line.split("\t") for line in lines[first : lines.index("\\2-grams:")])
        return [gram[1] for gram in grams if len(gram) > 1]
    return sorted({word for line in lines for word in line.split()})


def sentence(rng: random.Random, words: list[str], pairs: list[str]) -> str:
    parts = [rng.choice(SPACES)] if rng.random() < 0.1 else []
    for _ in range(rng.choice([0, 0, 1, 2, 3, 5, 8, 13, 30])):
        kind = rng.random()
        parts.append(rng.choice(ODD) if kind < 0.06 else rng.choice(pairs) if kind < 0.6 else rng.choice(words))
        parts.append(rng.choice(SPACES))
    return "".join(parts)


class Differences:
    def __init__(self) -> None:
        self.count, self.shown, self.largest = 0, [], 0.0

    def check(self, what: str, a: float, b: float, text: str) -> None:
        share = abs(a - b) / max(1.0, abs(b))
        self.largest = max(self.largest, share)
        self.equal(what, share <= TOLERANCE, True, text)

    def equal(self, what: str, a: object, b: object, text: str) -> None:
        if a != b:
            self.count += 1
            if len(self.shown) < 5:
                self.shown.append(f"    {what}: {a} and {b}: {text!r}")


def compare(path: Path, words: list[str], pairs: list[str], count: int, seed: int) -> Differences:
    theirs, mine = kenlm.Model(str(path)), ours.Model(str(path))
    found, rng = Differences(), random.Random(seed)
    found.equal("order", mine.order, theirs.order, "")
    for word in words + ODD:
        found.equal("in", word in mine, word in theirs, word)
    # A state of kenlm, and the state of elman with it; and the reverse.
    one, other = {}, {}

    def states(theirs_: kenlm.State, mine_: "ours.State", text: str) -> None:
        a, b = theirs_.__copy__(), mine_.__copy__()
        found.equal("state", one.setdefault(a, b) == b and hash(one[a]) == hash(b), True, text)
        found.equal("state", other.setdefault(b, a) == a, True, text)

    for _ in range(count):
        text = sentence(rng, words, pairs)
        length = len(text.encode().split()) + 1
        for bos in (True, False):
            for eos in (True, False):
                a, b = mine.score(text, bos=bos, eos=eos), theirs.score(text, bos=bos, eos=eos)
                found.check("score", a / length, b / length, text)
        found.check("perplexity", math.log10(mine.perplexity(text)), math.log10(theirs.perplexity(text)), text)
        pairs_of_scores = zip(mine.full_scores(text), theirs.full_scores(text), strict=True)
        for (p, n, oov), (real_p, real_n, real_oov) in pairs_of_scores:
            found.check("full_scores", p, real_p, text)
            found.equal("length, unknown", (n, oov), (real_n, real_oov), text)
        a, b = kenlm.State(), ours.State()
        if rng.random() < 0.5:
            theirs.BeginSentenceWrite(a), mine.BeginSentenceWrite(b)
        else:
            theirs.NullContextWrite(a), mine.NullContextWrite(b)
        states(a, b, text)
        for word in [*text.split(), "</s>"]:
            next_a, next_b = kenlm.State(), ours.State()
            if rng.random() < 0.5:
                found.check("BaseScore", mine.BaseScore(b, word, next_b), theirs.BaseScore(a, word, next_a), word)
            else:
                full_b, full_a = mine.BaseFullScore(b, word, next_b), theirs.BaseFullScore(a, word, next_a)
                found.check("BaseFullScore", full_b.log_prob, full_a.log_prob, word)
                found.equal("BaseFullScore", (full_b.ngram_length, full_b.oov), (full_a.ngram_length, full_a.oov), word)
            a, b = next_a, next_b
            states(a, b, text)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--sentences", type=int, default=10_000)
    parser.add_argument("--words", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for path in args.files:
            source = args.words
            if source is None and ".arpa" not in path.name:
                beside = path.parent / path.name.split("-")[0]
                source = next(p for p in (beside.with_suffix(".arpa"), beside.with_suffix(".arpa.gz")) if p.exists())
            source = source or path
            words = words_of(source)
            with gzip.open(source, "rt") if source.suffix == ".gz" else source.open() as lines:
                fields = (line.rstrip("\n").split("\t") for line in lines)
                pairs = [row[1] for row in fields if len(row) > 1 and " " in row[1] and "<s>" not in row[1] and "</s>" not in row[1]]
            if path.suffix == ".gz":
                plain = Path(folder) / path.stem
                with gzip.open(path) as packed, plain.open("wb") as out:
                    shutil.copyfileobj(packed, out)
            else:
                plain = path
            found = compare(plain, words, pairs or words, args.sentences, args.seed)
            wrong += found.count
            print(f"{path.name}: {args.sentences} sentences, {found.count} differences, the largest of numbers {found.largest:.1e}")
            print("\n".join(found.shown), end="\n" if found.shown else "")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
