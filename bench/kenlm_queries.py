#!/usr/bin/env python3
"""Queries of `elman.kenlm` beside the Python module `kenlm`: single sentences, all at once, single words, loading.

    python3 -m venv venv && venv/bin/pip install kenlm ./bindings/python
    elman ngram convert lm.arpa lm.bin; build_binary probing lm.arpa lm.probing
    venv/bin/python bench/kenlm_queries.py lm.probing lm.bin sentences.txt [--rounds 7]

The first model is read by kenlm, the second one by elman; both may be the same ARPA file. Rounds alternate, and the least time of
each is printed: nanoseconds a word (ends of sentences count as words), and how many times as fast elman is. Files are in the page
cache when loading is timed. Nothing else should run on the machine.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.pop(0)  # kenlm.py of this directory is another program

import elman.kenlm
import kenlm

SENTENCES = 20_000
# Sentences whose words are scored one by one: a call from Python for each.
WORD_BY_WORD = 2_000


def seconds(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def words_one_by_one(module, model, words: list[str]):
    states = module.State(), module.State()

    def work() -> None:
        before, after = states
        model.BeginSentenceWrite(before)
        for word in words:
            model.BaseScore(before, word, after)
            before, after = after, before

    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("theirs", help="model for kenlm")
    parser.add_argument("ours", help="model for elman")
    parser.add_argument("text", type=Path, help="a sentence a line")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()

    sentences = arguments.text.read_text().splitlines()[:SENTENCES]
    words = sum(len(sentence.split()) + 1 for sentence in sentences)
    few = " ".join(sentences[:WORD_BY_WORD]).split()
    theirs, ours = kenlm.Model(arguments.theirs), elman.kenlm.Model(arguments.ours)
    for sentence in sentences[:500]:
        assert abs(theirs.score(sentence) - ours.score(sentence)) < 1e-3 * len(sentence.split() + [""]), sentence

    works = {
        "score": (words, lambda: [theirs.score(s) for s in sentences], lambda: [ours.score(s) for s in sentences]),
        "all at once": (words, lambda: [theirs.score(s) for s in sentences], lambda: ours.scores(sentences)),
        "BaseScore": (len(few), words_one_by_one(kenlm, theirs, few), words_one_by_one(elman.kenlm, ours, few)),
        "load": (1, lambda: kenlm.Model(arguments.theirs), lambda: elman.kenlm.Model(arguments.ours)),
    }
    print(f"{words:,} words in {len(sentences):,} sentences")
    for name, (count, *pair) in works.items():
        rounds = [[seconds(work) for work in pair] for _ in range(arguments.rounds)]
        kenlm_ns, elman_ns = (min(column) / count * 1e9 for column in zip(*rounds))
        print(f"{name:12} kenlm {kenlm_ns:12,.1f} ns   elman {elman_ns:12,.1f} ns   {kenlm_ns / elman_ns:.2f} times as fast")


if __name__ == "__main__":
    main()
