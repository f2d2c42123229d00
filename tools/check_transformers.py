#!/usr/bin/env python3
"""Compares what `elman export --to transformers` writes, in Transformers, minicons and `surprisal`, with elman.

    cargo build --release --bins --examples
    venv/bin/pip install torch transformers minicons surprisal safetensors
    venv/bin/python tools/check_transformers.py target/release/elman target/release/examples/token_logits data/kjv.txt

Trains small models of every cell, of layers that differ, tied and untied, and of every kind of vocabulary, and compares

- the ids of texts, also with the letters of special tokens in them, with those of `elman tokenize`;
- logits with elman's, and the loss of `labels` with `elman score`;
- batches padded on the right and on the left with each text alone;
- windows with the state of the call before, and single steps, with one call;
- `generate` (greedy, with beams, without the cache) with `elman generate --greedy` and `--beam`;
- minicons' scores of sentences, tokens and words with `elman score` and `elman surprisal`;
- surprisals of the package `surprisal` with `elman surprisal`.

Prints a line for each comparison; exit code 1 if a number differs by more than 1e-4 or an id at all. Where conventions differ,
the difference is computed here as docs/EXCHANGE.md states it. Checked with transformers 5.24.0, minicons 0.3.39, surprisal 0.1.7.
"""

import argparse
import csv
import io
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, logging

from checking import Checks, scored_lines

TOLERANCE = 1e-4
CASES = {
    "lstm": ["--cell", "lstm", "--layers", "2"],
    "sigmoid": ["--cell", "elman", "--activation", "sigmoid", "--layers", "2"],
    "tanh-untied": ["--cell", "elman", "--activation", "tanh", "--no-tied", "--embed", "24"],
    "relu": ["--cell", "elman", "--activation", "relu", "--vocab", "whitespace"],
    "gru": ["--cell", "gru", "--layers", "3", "--vocab", "fields"],
    "gru-sentences": ["--cell", "gru", "--vocab", "fields", "--layout", "sentences"],
    "gru-untied-chars": ["--cell", "gru", "--no-tied", "--embed", "24", "--vocab", "chars"],
    "lstm-sizes-bytes": ["--cell", "lstm", "--hidden", "48,40,24", "--vocab", "bytes"],
    "lstm-projected-bpe": ["--cell", "lstm", "--hidden", "48,32", "--embed", "24", "--tied", "--vocab", "bpe"],
    "sigmoid-projected": ["--cell", "elman", "--activation", "sigmoid", "--hidden", "32,16", "--embed", "24", "--tied"],
    "foreign": ["--cell", "lstm", "--tokenizer", "FOREIGN"],
}
TRAPS = "a  b <unk> c<unk>d <eos> x<eos>y <pad> \\n \u00e9e\u0301\u00a0z 3\u00bd .. ?\"q\" \U0001f980 "
SENTENCES = [
    "In the beginning God created the heaven and the earth.",
    "And the earth was without form, and void",
    "And God said , Let there be light : and there was light .",
    "zyzzyva quux",
    "day",
]


class Elman:
    """The command, on one model."""

    def __init__(self, command, model):
        self.command, self.model = command, model

    def run(self, name, *options, text=None):
        command = [self.command, name, self.model, *map(str, options)]
        given = {"input": text.encode()} if text is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(command, capture_output=True, check=True, **given).stdout.decode()

    def ids(self, text):
        return [int(id) for id in self.run("tokenize", "--ids", text=text).split()]

    def sentences(self, *options):
        """ln p of each of SENTENCES."""
        return [line["ln_p"] for line in scored_lines(self.command, self.model, SENTENCES, *options)]

    def words(self, *options):
        """Surprisals in bits of the words of each of SENTENCES."""
        table = self.run("surprisal", *options, text="".join(s + "\n" for s in SENTENCES))
        rows = [[] for _ in SENTENCES]
        for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
            rows[int(row["sentid"])].append(float(row["surp"]))
        return rows


def check_ids(checks, name, elman, tokenizer, kind, text):
    """A text's ids; what elman adds at its end is no part of them."""
    for what, text in [("verse", text), ("traps", TRAPS + "\n" + TRAPS)]:
        if kind == "foreign":
            text = text.replace("\n", " ")  # elman hands a tokenizer line by line
        ours = elman.ids(text)
        theirs = tokenizer(text, split_special_tokens=True).input_ids
        if ours[: len(theirs)] != theirs or ours[len(theirs) :] not in ([tokenizer.eos_token_id], []):
            theirs = [*theirs, tokenizer.eos_token_id]
            checks.equal(f"{name}: ids of the {what}", ours, theirs)
        else:
            checks.fits(f"{name}: ids of the {what}", True, f"{len(theirs)} equal")
    (eos,) = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    front = tokenizer(tokenizer.bos_token + SENTENCES[0]).input_ids
    checks.equal(f"{name}: <eos> in front of a text", front, [eos, *tokenizer(SENTENCES[0]).input_ids])


def check_model(checks, name, model, tokenizer, inputs, ours):
    """Logits, padding, masks and states; `ours` are elman's logits after each of `inputs`, of which the first is <eos>."""
    ids = torch.tensor(inputs)[None]
    whole = model(ids)
    checks.same(f"{name}: log-probabilities", torch.log_softmax(whole.logits[0], -1), torch.log_softmax(ours, -1))
    checks.same(f"{name}: without <eos> in front", model(ids[:, 1:]).logits[0], whole.logits[0, 1:])
    loss = torch.nn.functional.cross_entropy(whole.logits[0, :-1], ids[0, 1:])
    checks.same(f"{name}: loss", model(ids, labels=ids).loss.item(), loss.item())
    pieces, state = [], None
    for begin, end in [(0, 1), (1, 2), (2, 9), (9, ids.shape[1])]:
        output = model(ids[:, begin:end], state=state)
        pieces.append(output.logits)
        state = output.state
    checks.same(f"{name}: windows with carried state", torch.cat(pieces, 1), whole.logits)
    alone = [model(tokenizer(s, return_tensors="pt").input_ids).logits[0] for s in SENTENCES]
    for side in ("right", "left"):
        tokenizer.padding_side = side
        batch = tokenizer(SENTENCES, return_tensors="pt", padding=True)
        output = model(**batch)
        found = [row[mask.bool()] for row, mask in zip(output.logits, batch.attention_mask)]
        checks.same(f"{name}: padding on the {side}", torch.cat(found), torch.cat(alone))
        checks.same(f"{name}: … logits at the end", output.logits[:, -1], torch.stack([row[-1] for row in alone]))
        more = torch.full((len(SENTENCES), 1), int(ids[0, 1]))
        mask = torch.cat([batch.attention_mask, torch.ones_like(more)], 1)
        after = model(more, attention_mask=mask, past_key_values=output.past_key_values).logits[:, 0]
        texts = [tokenizer(s).input_ids + [int(ids[0, 1])] for s in SENTENCES]
        checks.same(f"{name}: … the state passes it", after, torch.stack([model(torch.tensor([t])).logits[0, -1] for t in texts]))
    tokenizer.padding_side = "right"


def check_generate(checks, name, elman, model, tokenizer, kind):
    """Texts written by both; elman goes on after a line's end where the training text was a stream."""
    prompt = "And the"
    ids = tokenizer(prompt, return_tensors="pt")
    eos = tokenizer.eos_token_id
    for what, more in [("greedy", {}), ("without the cache", {"use_cache": False})]:
        written = model.generate(**ids, do_sample=False, max_new_tokens=20, **more)[0, ids.input_ids.shape[1] :].tolist()
        ours = elman.run("generate", "--greedy", "--no-echo", "-n", 20, "-p", prompt)
        theirs = tokenizer.decode([id for id in written if id != eos or kind in ("whitespace", "fields")])
        if eos in written:
            ours = ours[: len(theirs)]
        if kind in ("whitespace", "fields"):
            ours = ours.removeprefix(" ")
        checks.equal(f"{name}: generate, {what}", ours.removesuffix("\n"), theirs.removesuffix("\n"))
    batch = tokenizer([prompt, "day"], return_tensors="pt", padding=True, padding_side="left")
    both = model.generate(**batch, do_sample=False, max_new_tokens=5)[0, batch.input_ids.shape[1] :].tolist()
    checks.equal(f"{name}: generate, two at a time", both[: len(written)], written[: len(both)])
    beams = dict(do_sample=False, max_new_tokens=6, num_beams=4)
    cached = model.generate(**ids, **beams)[0].tolist()
    checks.equal(f"{name}: generate, beams", cached, model.generate(**ids, **beams, use_cache=False)[0].tolist())


def check_minicons(checks, name, elman, model, tokenizer, kind):
    from minicons import scorer

    lm = scorer.IncrementalLMScorer(model, "cpu", tokenizer=tokenizer)
    total = lambda scores: scores.sum().item()
    sentences = lm.sequence_score(SENTENCES, reduction=total, bos_token=True)
    checks.same(f"{name}: minicons, sentences", sentences, elman.sentences("--no-end"))
    tokens = lm.token_score(SENTENCES, bos_token=True, surprisal=True, base_two=True)
    shown = elman.run("score", "--per", "token", "--no-end", "--unit", "bits", "--format", "jsonl", text="".join(s + "\n" for s in SENTENCES))
    ours = [-token["log2_p"] for line in shown.splitlines() for token in json.loads(line)["per_token"]]
    checks.same(f"{name}: minicons, tokens", [surp for row in tokens for _, surp in row[1:]], ours)
    words = lambda **more: lm.word_score_tokenized(SENTENCES, str.split, bos_token=True, surprisal=True, base_two=True, **more)
    if kind in ("whitespace", "fields"):
        checks.same(f"{name}: minicons, words", [surp for row in words() for _, surp in row], sum(elman.words(), []))
    if kind in ("bpe", "foreign"):
        checks.same(f"{name}: minicons, naive words", [surp for row in words() for _, surp in row], sum(elman.words("--naive"), []))
        # minicons takes a word's end for a token with a space in front; other white space and <eos> end a word, too.
        spaces = {id for token, id in tokenizer.get_vocab().items() if token.startswith("\u0120")}
        ends = {id for token, id in tokenizer.get_vocab().items() if token[0] in "\u010a\u0109\u010d"} | {tokenizer.eos_token_id}
        found = [surp for row in words(bow_correction=True) for _, surp in row]
        checks.same(f"{name}: minicons, corrected words", found, corrected(model, tokenizer, spaces))
        checks.same(f"{name}: elman, corrected words", sum(elman.words(), []), corrected(model, tokenizer, spaces | ends))
    # Without bos_token the first token is left out; the others are the same.
    without = lm.token_score(SENTENCES, surprisal=True, base_two=True)
    rest = [surp for row in tokens for _, surp in row[2:]]
    checks.same(f"{name}: minicons without bos_token", [surp for row in without for _, surp in row[1:]], rest)


def corrected(model, tokenizer, begins):
    """Surprisals in bits of all words: of their tokens, times p(begins | after the word) / p(begins | before it)."""
    found = []
    for sentence in SENTENCES:
        ids = tokenizer(sentence).input_ids
        logits = torch.log_softmax(model(torch.tensor([[tokenizer.eos_token_id, *ids]])).logits[0].double(), -1)
        ends = logits[:, sorted(begins)].logsumexp(-1)
        nats = 0.0
        for at, id in enumerate(ids):
            nats -= logits[at, id].item()
            if at > 0 and id in begins:
                nats += ends[at].item()
            if at + 1 == len(ids) or ids[at + 1] in begins:
                found.append((nats - ends[at + 1].item()) / math.log(2))
                nats = 0.0
    return found


def check_surprisal(checks, name, elman, folder, model, tokenizer, kind):
    from surprisal import AutoHuggingFaceModel

    m = AutoHuggingFaceModel.from_pretrained(str(folder), model_class="causal", trust_remote_code=True)
    found = m.surprise(SENTENCES)
    with torch.no_grad():
        for sentence, one in zip(SENTENCES, found):
            ids = tokenizer(sentence).input_ids
            logits = torch.log_softmax(model(torch.tensor([[tokenizer.eos_token_id, *ids]])).logits[0, :-1], -1)
            own = -logits[range(len(ids)), ids]
            # The package takes the padding token, which it sets to <eos>, out of every distribution.
            renormalised = own + torch.log1p(-logits[:, tokenizer.eos_token_id].exp())
            checks.same(f"{name}: surprisal, {len(ids)} tokens", list(one.surprisals)[: len(ids)], renormalised)
    if kind in ("whitespace", "fields"):
        # At words that are tokens, and with <eos> in the distribution again, these are elman's surprisals.
        words = elman.words()
        for sentence, one, row in zip(SENTENCES, found, words):
            ids = tokenizer(sentence).input_ids
            logits = torch.log_softmax(model(torch.tensor([[tokenizer.eos_token_id, *ids]])).logits[0, :-1], -1)
            without = torch.log1p(-logits[:, tokenizer.eos_token_id].exp())
            nats = torch.tensor([float(s) for s in one.surprisals[: len(ids)]]) - without
            checks.same(f"{name}: surprisal, words", nats / math.log(2), row)


def foreign(texts, path):
    """A tokenizer of the package `tokenizers`, as of GPT-2."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    gpt = Tokenizer(models.BPE())
    gpt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    gpt.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    gpt.train(texts, trainers.BpeTrainer(vocab_size=500, special_tokens=["<|endoftext|>"], initial_alphabet=alphabet, show_progress=False))
    gpt.save(str(path))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("elman")
    parser.add_argument("token_logits", help="the example of the library")
    parser.add_argument("text")
    parser.add_argument("--only", help="cases whose name begins so", default="")
    parser.add_argument("--steps", help="updates of each training", default="60")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    checks = Checks(TOLERANCE)
    with tempfile.TemporaryDirectory() as room:
        room = pathlib.Path(room)
        corpus = pathlib.Path(arguments.text).read_bytes()
        (room / "text").write_bytes(corpus[:100_000])
        (room / "verse").write_bytes(corpus[:600])
        foreign([str(room / "text")], room / "foreign.json")
        for name, options in CASES.items():
            if not name.startswith(arguments.only):
                continue
            options = [str(room / "foreign.json") if option == "FOREIGN" else option for option in options]
            sizes = [] if "foreign" in name or "bytes" in name else ["--max-vocab", "500"]
            sizes += [] if "--hidden" in options else ["--hidden", "40"]
            train = [arguments.elman, "train", room / "text", "--run", room / name, "--quiet", "--steps", arguments.steps]
            subprocess.run([*train, *sizes, *options], check=True, stderr=subprocess.DEVNULL)
            folder = room / f"{name}-hf"
            export = [arguments.elman, "export", room / name, "--to", "transformers", "-o", folder]
            subprocess.run(export, check=True, stdout=subprocess.DEVNULL)
            dump = room / "logits.safetensors"
            subprocess.run([arguments.token_logits, room / name, room / "verse", dump], check=True)
            dump = load_file(dump)
            kind = json.loads((folder / "config.json").read_text())["elman"]["vocab_kind"]
            elman = Elman(arguments.elman, room / name)
            tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
            model = AutoModelForCausalLM.from_pretrained(folder, trust_remote_code=True).eval()
            # Otherwise a tokenizer that is loaded without trust_remote_code, as `surprisal` does, asks about the model's code.
            AutoConfig.register("elman", type(model.config), exist_ok=True)
            inputs = [tokenizer.eos_token_id, *map(int, dump["ids"][:-1])]
            if "sentences" in name:  # elman begins anew at every line, and Transformers at every text
                inputs = inputs[: inputs.index(tokenizer.eos_token_id, 1)]
            logits = dump["logits"][: len(inputs)]
            checks.equal(f"{name}: elman reads the directory", elman.ids("And God"), Elman(arguments.elman, folder).ids("And God"))
            check_ids(checks, name, elman, tokenizer, kind, (room / "verse").read_text())
            check_model(checks, name, model, tokenizer, inputs, logits)
            check_generate(checks, name, elman, model, tokenizer, kind)
            check_minicons(checks, name, elman, model, tokenizer, kind)
            check_surprisal(checks, name, elman, folder, model, tokenizer, kind)
    sys.exit(0 if checks.good else 1)


if __name__ == "__main__":
    main()
