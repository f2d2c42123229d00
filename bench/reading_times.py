#!/usr/bin/env python3
"""How much the surprisals of models say about reading times, over what the length and the frequency of words say.

    python3 bench/reading_times.py DATA TRAIN MODEL [MODEL ...] [--elman target/release/elman]

DATA is a directory with the Natural Stories corpus (Futrell et al. 2021, "The Natural Stories corpus", Language Resources and
Evaluation 55), of which two files are read:

    all_stories.tok          the words of ten stories: word, zone (its number in the story) and item (the story), separated by tabs
    processed_wordinfo.tsv   the mean self-paced reading time of each word in milliseconds: columns word, zone, item, meanItemRT

TRAIN is the text that the models were trained on, for the frequencies of words; it is expected to be tokenized like WikiText-2
(punctuation between spaces, "don 't", "long @-@ bearded"), and the stories are tokenized in the same way. Each MODEL is anything
that `elman surprisal` reads. The words of the stories are its regions, so that all models are asked about the same words.

Each reading time is predicted by linear regression (Smith and Levy 2013; Goodkind and Bicknell 2018):

    base    length and log frequency of the word, and of the word before it
    full    the same, with the surprisal of the word and of the word before it

ΔLL is the mean over words of ln p(reading time | full) − ln p(reading time | base), in units of 10^-3 nats, where p is the normal
density of a regression that was fitted to nine tenths of the sentences and is applied to the tenth that it has not seen. The
interval (95 %) is that of a bootstrap over sentences. Left out are the first and the last word of each sentence, the word after
the first, and words that one of the vocabularies lacks, for every model alike: the surprisal of <unk> is not that of a word.

Needs numpy (`pip install numpy`).
"""

import argparse
import collections
import csv
import json
import re
import subprocess
import tempfile

import numpy as np

FOLDS = 10
BOOTSTRAP = 2000


def tokenized(word):
    """The word as WikiText-2 would write it: parts between spaces."""
    word = word.replace("``", '"').replace("''", '"')
    word = re.sub(r"(?<=\w)-(?=\w)", " @-@ ", word)
    word = re.sub(r"(?<=\d),(?=\d)", " @,@ ", word)
    word = re.sub(r"(?<=\w)'(?=\w)", " '", word)
    word = re.sub(r"([^\w\s@,.'-]|--+|\.\.\.)", r" \1 ", word)
    word = re.sub(r"^'(?=\w{3})", "' ", word)
    word = re.sub(r"(?<=\w)'$", " '", word)
    # A full stop or a comma at the end, also before closing quotes, unless the word is an abbreviation such as U.S.
    word = re.sub(r"(?<![.])([.,])(?=[\s\"'’”)]*$)", r" \1 ", word) if not re.search(r"\w\.\w", word) else word
    return " ".join(word.split())


def sentences(data):
    """The words of each sentence: (word, reading time)."""
    times = {}
    with open(f"{data}/processed_wordinfo.tsv", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            times[row["item"], row["zone"]] = float(row["meanItemRT"])
    found, item = [[]], None
    with open(f"{data}/all_stories.tok", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if item not in (None, row["item"]) and found[-1]:
                found.append([])
            item = row["item"]
            found[-1].append((row["word"], times.get((row["item"], row["zone"]))))
            if re.search(r"[.?!][\"'’”)]*$", row["word"]):
                found.append([])
    return [sentence for sentence in found if sentence]


def surprisals(elman, model, text):
    """For each sentence the rows of its words."""
    command = [elman, "surprisal", model, text, "--regions", "--json", "--quiet"]
    rows = collections.defaultdict(list)
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        row = json.loads(line)
        rows[row["sentid"]].append(row)
    return rows


def predictors(words, counts):
    """Length and log frequency of each word."""

    def frequency(word):
        parts = [part for part in tokenized(word).split() if re.search(r"\w", part)]
        return np.log(1 + min((counts[part] for part in parts), default=0))

    return [(len(word), frequency(word)) for word, _ in words]


def held_out(x, y, folds):
    """The log density of each y under a regression that was fitted to the other folds."""
    x = np.column_stack([np.ones(len(x)), (x - x.mean(0)) / x.std(0)])
    density = np.empty(len(y))
    for fold in range(FOLDS):
        test = folds == fold
        weights, *_ = np.linalg.lstsq(x[~test], y[~test], rcond=None)
        variance = np.mean((y[~test] - x[~test] @ weights) ** 2)
        error = y[test] - x[test] @ weights
        density[test] = -0.5 * (np.log(2 * np.pi * variance) + error**2 / variance)
    return density


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", metavar="DATA")
    parser.add_argument("train", metavar="TRAIN")
    parser.add_argument("models", metavar="MODEL", nargs="+")
    parser.add_argument("--elman", default="target/release/elman")
    args = parser.parse_args()

    with open(args.train) as file:
        counts = collections.Counter(word for line in file for word in line.split())
    stories = sentences(args.data)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as text:
        for sentence in stories:
            text.write("\t".join(tokenized(word) for word, _ in sentence) + "\n")
        text.flush()
        found = [surprisals(args.elman, model, text.name) for model in args.models]

    base, surprisal, times, sentence_of = [], [], [], []
    for number, words in enumerate(stories):
        of_models = [rows[number] for rows in found]
        assert all(len(rows) == len(words) for rows in of_models), f"sentence {number + 1}"
        features = predictors(words, counts)
        for i in range(2, len(words) - 1):
            known = all(rows[j]["unk"] == 0 for rows in of_models for j in (i - 1, i))
            if words[i][1] is None or not known:
                continue
            base.append(features[i] + features[i - 1])
            surprisal.append([(rows[i]["surp"], rows[i - 1]["surp"]) for rows in of_models])
            times.append(words[i][1])
            sentence_of.append(number)
    base, surprisal, times, sentence_of = map(np.array, (base, surprisal, times, sentence_of))

    random = np.random.default_rng(1)
    fold_of = random.permutation(len(stories)) % FOLDS
    folds = fold_of[sentence_of]
    density = held_out(base, times, folds)
    draws = random.multinomial(len(stories), np.full(len(stories), 1 / len(stories)), BOOTSTRAP)
    print(f"{len(times)} words of {sum(map(len, stories))} in {len(stories)} sentences")
    print("| model | mean surprisal (bits) | ΔLL per word (10^-3 nats) | 95 % interval |")
    print("|---|--:|--:|--:|")
    for i, model in enumerate(args.models):
        gain = held_out(np.column_stack([base, surprisal[:, i]]), times, folds) - density
        sums = np.bincount(sentence_of, gain, len(stories))
        words = np.bincount(sentence_of, minlength=len(stories))
        low, high = np.quantile((draws @ sums) / (draws @ words), [0.025, 0.975])
        mean = surprisal[:, i, 0].mean()
        print(f"| {model} | {mean:.3f} | {1e3 * gain.mean():.2f} | {1e3 * low:.2f} to {1e3 * high:.2f} |")


if __name__ == "__main__":
    main()
