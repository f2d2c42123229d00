#!/usr/bin/env python3
"""Runs the clients that people already have against `elman serve`: the package `openai`, and lm_eval's `local-completions`.

    python3 -m venv venv && venv/bin/pip install openai 'lm_eval[api]' transformers    # torch and accelerate as well, to compare with `--model hf`
    cargo build --release
    venv/bin/python tools/check_serve.py target/release/elman runs/kjv held-out.txt [--blimp BLIMP.zip]

Starts a server of the model on 127.0.0.1, runs the clients unmodified, and compares

- completions of `openai`: greedy texts with `elman generate`; streamed with whole; texts with token ids; several prompts, `n`, `stop`, `logprobs`, `echo`;
- log-likelihoods of lm_eval with `elman score` and `elman eval`: pairs of sentences as in BLiMP, and a text as in its task `wikitext`, with the
  tokenizer of the server (`tokenizer_backend=remote`) and with the one that `elman export --to transformers` writes;
- the same with lm_eval's `--model hf` on the exported model, if torch and accelerate are installed.

The sentences are written here, or with --blimp the first pairs of each paradigm in the archive of https://github.com/alexwarstadt/blimp; nothing is downloaded. Prints a line for each comparison; exit code 1 if a number differs by more than 1e-4.
Checked with openai 3.57.0, lm_eval 0.4.13, transformers 5.24.0.
"""

import argparse
import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys
import tempfile
import zipfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_OFFLINE", "1")

from checking import Checks, scored_lines
from serving import Server

TOLERANCE = 1e-4
PAIRS = [
    ("The boys that the king saw were in the house .", "The boys that the king saw was in the house ."),
    ("The men of the city hear the words .", "The men of the city hears the words ."),
    ("This woman has seen her sons .", "This woman has seen her son are ."),
    ("The kings have spoken to themselves .", "The kings have spoken to itself ."),
    ("No man had ever been there .", "Some man had ever been there ."),
    ("The daughters go to the river .", "The daughters goes to the river ."),
    ("Who did the prophet say had come ?", "Who did the prophet say that had come ?"),
    ("The house that fell was great .", "The house that fell were great ."),
]
PROMPTS = ["In the beginning", "And the king said unto", "The", "And it came to pass in those days , that there went out a"]
TASKS = {
    "pairs": """task: elman_pairs
dataset_path: json
dataset_kwargs: {{data_files: {{train: {file}}}}}
output_type: multiple_choice
validation_split: train
doc_to_text: ""
target_delimiter: ""
doc_to_target: 0
doc_to_choice: "{{{{[sentence_good, sentence_bad]}}}}"
num_fewshot: 0
metric_list: [{{metric: acc, aggregation: mean, higher_is_better: true}}]
""",
    "text": """task: elman_text
dataset_path: json
dataset_kwargs: {{data_files: {{train: {file}}}}}
output_type: loglikelihood_rolling
validation_split: train
doc_to_text: ""
doc_to_target: "{{{{page}}}}"
num_fewshot: 0
metric_list: [{{metric: word_perplexity}}, {{metric: byte_perplexity}}, {{metric: bits_per_byte}}]
""",
}


def check_openai(checks, server, elman, model):
    import openai

    client = openai.OpenAI(base_url=server.url + "/v1", api_key="none", max_retries=0)
    name = client.models.list().data[0].id

    def complete(prompt, **options):
        return client.completions.create(model=name, prompt=prompt, **options)

    def ids(text):
        return server.post("/tokenize", {"model": name, "prompt": text, "add_special_tokens": False})["tokens"]

    greedy = {"temperature": 0, "max_tokens": 12}
    for prompt in PROMPTS:
        whole = complete(prompt, **greedy).choices[0].text
        command = [elman, "generate", model, "--prompt", prompt, "--greedy", "--max-tokens", "12", "--json"]
        written = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()[-1])
        checks.equal(f"openai: greedy as `elman generate`: {prompt[:24]!r}", whole, written["text"])
        checks.equal("openai: token ids as the text", complete(ids(prompt), **greedy).choices[0].text, whole)
        parts = [event.choices[0].text for event in complete(prompt, stream=True, **greedy) if event.choices]
        checks.equal("openai: streamed as whole", "".join(parts), whole)
    together = complete(PROMPTS, **greedy)
    checks.equal("openai: prompts together as alone", [c.text for c in sorted(together.choices, key=lambda c: c.index)], [complete(p, **greedy).choices[0].text for p in PROMPTS])
    seeded = {"temperature": 1, "max_tokens": 8, "seed": 7}
    checks.equal("openai: a seed gives the same text", complete(PROMPTS[0], **seeded).choices[0].text, complete(PROMPTS[0], **seeded).choices[0].text)
    checks.fits("openai: n", len(complete(PROMPTS[0], n=3, **seeded).choices) == 3, "3 choices")
    usage = [event.usage for event in complete(PROMPTS[0], stream=True, stream_options={"include_usage": True}, **greedy) if event.usage]
    checks.fits("openai: usage at the end of a stream", len(usage) == 1 and usage[0].prompt_tokens == len(ids(PROMPTS[0])), f"{usage}")
    for prompt in PROMPTS:
        echoed = complete(prompt, echo=True, logprobs=2, max_tokens=0, temperature=0).choices[0]
        line = scored_lines(elman, model, [prompt], "--no-end")[0]["ln_p"]
        checks.same(f"openai: echo as `elman score`: {prompt[:24]!r}", [sum(p for p in echoed.logprobs.token_logprobs if p is not None) + first(server, name, prompt)], [line])
        greater = all(top is None or max(top.values()) >= p for p, top in zip(echoed.logprobs.token_logprobs, echoed.logprobs.top_logprobs) if p is not None)
        checks.fits("openai: the token is never above the most probable", greater, "")
    for wrong in [{"max_tokens": -1}, {"n": 0}, {"temperature": -1}, {"prompt": [10**9]}, {"model": "no such model"}]:
        try:
            client.completions.create(**{"model": name, "prompt": "a", **wrong})
            checks.fits(f"openai: {wrong} is refused", False, "accepted")
        except openai.APIStatusError as error:
            checks.fits(f"openai: {wrong} is refused", 400 <= error.status_code < 500, str(error.status_code))


def first(server, model, prompt):
    """ln p of the first token of a text, which OpenAI's shape leaves out."""
    found = server.post("/v1/next", {"model": model, "prompt": prompt, "tokens": True, "top": 0})
    return found["tokens"][0]["logprob"]


def evaluate(task, folder, model, arguments):
    """lm_eval's answers to a task, as a program of its own: lists of log-likelihoods, one for each document."""
    output = pathlib.Path(folder) / "out"
    command = [sys.executable, "-m", "lm_eval", "--model", model, "--model_args", arguments, "--tasks", task, "--include_path", folder]
    command += ["--log_samples", "--output_path", str(output), "--batch_size", "4"]
    environment = {**os.environ, "HF_HOME": str(pathlib.Path(folder) / "hf"), "OPENAI_API_KEY": "none"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True)
    files = sorted(output.rglob("samples_*.jsonl"), key=lambda file: file.stat().st_mtime)
    if ran.returncode != 0 or not files:
        sys.exit(f"lm_eval failed:\n{ran.stdout[-1000:]}\n{ran.stderr[-4000:]}")
    lines = [json.loads(line) for line in files[-1].read_text().splitlines()]
    answers = []
    for sample in sorted(lines, key=lambda sample: sample["doc_id"]):
        each = sample["filtered_resps"]
        answers.append([float(a[0]) if isinstance(a, (list, tuple)) else float(a) for a in each])
    return answers


def blimp_pairs(archive, most):
    """The first `most` pairs of each paradigm."""
    pairs = []
    with zipfile.ZipFile(archive) as files:
        for name in sorted(name for name in files.namelist() if name.endswith(".jsonl") and not name.startswith("__MACOSX")):
            lines = files.read(name).decode().splitlines()[:most]
            pairs += [(pair["sentence_good"], pair["sentence_bad"]) for pair in map(json.loads, lines)]
    return pairs


def check_lm_eval(checks, server, elman, model, text, pairs, kinds_wanted, folder):
    folder = pathlib.Path(folder)
    exported = folder / "exported"
    subprocess.run([elman, "export", model, "--to", "transformers", "-o", exported], check=True, capture_output=True)
    documents = {
        "pairs": [{"sentence_good": good, "sentence_bad": bad} for good, bad in pairs],
        # A page of one line: what a line end means differs between programs.
        "text": [{"page": " ".join(text.split()[:300])}, {"page": " ".join(text.split()[300:420])}],
    }
    for name, rows in documents.items():
        file = folder / f"{name}.jsonl"
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / f"{name}.yaml").write_text(TASKS[name].format(file=file))
    sentences = [sentence for pair in pairs for sentence in pair]
    lines = [line["ln_p"] for line in scored_lines(elman, model, sentences, "--no-end")]
    pages = [line["ln_p"] for line in scored_lines(elman, model, [row["page"] for row in documents["text"]], "--no-end")]
    evaluated = folder / "page.txt"
    evaluated.write_text(documents["text"][0]["page"])
    whole = per_token(elman, model, evaluated)
    base = f"model={server.model},base_url={server.url}/v1/completions,num_concurrent=1,max_retries=1"
    kinds = {
        "remote tokenizer": ("local-completions", f"{base},tokenizer_backend=remote"),
        "exported tokenizer": ("local-completions", f"{base},tokenizer_backend=huggingface,tokenizer={exported},trust_remote_code=True"),
    }
    if importlib.util.find_spec("torch") and importlib.util.find_spec("accelerate"):
        kinds["hf"] = ("hf", f"pretrained={exported},trust_remote_code=True,dtype=float32")
    else:
        print("torch or accelerate is not installed: lm_eval's `--model hf` is left out")
    for kind, (program, arguments) in kinds.items():
        if kinds_wanted and kind.split()[0] not in kinds_wanted:
            continue
        found = evaluate("elman_pairs", str(folder), program, arguments)
        checks.same(f"lm_eval, {kind}: {len(pairs)} pairs as `elman score`", [p for pair in found for p in pair], lines)
        found = evaluate("elman_text", str(folder), program, arguments)
        rolled = [answer[0] for answer in found]
        checks.same(f"lm_eval, {kind}: text as `elman score`", rolled, pages)
        checks.same(f"lm_eval, {kind}: text as `elman eval`", rolled[:1], [whole])


def per_token(elman, model, file):
    """The log-likelihood of a file by `elman eval`, in nats, without the end of the text."""
    command = [elman, "eval", model, file, "--layout", "stream", "--per-token"]
    rows = [row.split("\t")[:2] for row in subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()]
    if rows[-1][0] in ("<eos>", "\\n"):
        rows = rows[:-1]
    return sum(float(log10) for _, log10 in rows) * math.log(10)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elman", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path, help="a run or a model's directory")
    parser.add_argument("text", type=pathlib.Path, help="a text of some hundred words")
    parser.add_argument("--only", choices=["openai", "lm_eval"])
    parser.add_argument("--kinds", nargs="*", choices=["remote", "exported", "hf"], help="only these ways of lm_eval")
    parser.add_argument("--blimp", type=pathlib.Path, help="archive of BLiMP's JSON lines")
    parser.add_argument("--pairs", type=int, default=4, help="pairs of each paradigm of BLiMP")
    arguments = parser.parse_args()
    elman, model = arguments.elman.resolve(), arguments.model.resolve()
    checks = Checks(TOLERANCE)
    with tempfile.TemporaryDirectory() as folder, Server(elman, [model]) as server:
        if arguments.only != "lm_eval":
            check_openai(checks, server, elman, model)
        if arguments.only != "openai":
            pairs = blimp_pairs(arguments.blimp, arguments.pairs) if arguments.blimp else PAIRS
            check_lm_eval(checks, server, elman, model, arguments.text.read_text(), pairs, arguments.kinds, folder)
    sys.exit(0 if checks.good else 1)


if __name__ == "__main__":
    main()
