#!/usr/bin/env python3
"""Compares accuracies on BLiMP: lm_eval's `--model hf` on an exported model, `elman score` and `elman minimal-pairs`.

    venv/bin/pip install torch transformers lm_eval
    elman export runs/MODEL --to transformers -o model-hf
    venv/bin/python tools/check_blimp.py target/release/elman model-hf BLIMP/data [--only NAME] [--write results.tsv]

BLIMP/data holds the JSON lines of https://github.com/alexwarstadt/blimp, a file for each paradigm. lm_eval would download them,
so each file becomes a task of its own here, with what lm_eval's task `blimp` says beside it. Two of its conventions matter:

- It puts a space (`target_delimiter`) before each sentence; elman is given the same sentences. `--no-space` leaves the space out on
  both sides, which is how elman takes the files of BLiMP.
- It does not score the end of a sentence: `--no-end`. A tie counts as right, since the good sentence comes first: `--ties right`.

Prints for each paradigm the accuracies, how many pairs are ties (the same tokens, mostly because words are unknown), and the
largest difference of a sentence's log-probability; exit code 1 if an accuracy differs by more than pairs that are closer than
the tolerance explain.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import lm_eval
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

from checking import scored_lines

TOLERANCE = 1e-4  # nats of a sentence

TASK = """task: elman_{name}
dataset_path: json
dataset_kwargs:
  data_files:
    train: {file}
output_type: multiple_choice
validation_split: train
doc_to_text: ""
target_delimiter: "{space}"
doc_to_target: 0
doc_to_choice: "{{{{[sentence_good, sentence_bad]}}}}"
num_fewshot: 0
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
"""


def scores(elman, model, space, sentences):
    """ln p of each sentence, without its end."""
    lines = (space + sentence for sentence in sentences)
    return [line["ln_p"] for line in scored_lines(elman, model, lines, "--no-end")]


def minimal_pairs(elman, model, file):
    """What `elman minimal-pairs` counts in a file of pairs."""
    command = [elman, "minimal-pairs", model, file, "--no-end", "--ties", "right", "--json"]
    lines = subprocess.run(command, capture_output=True, check=True).stdout.splitlines()
    return next(found for found in map(json.loads, lines) if found["scope"] == "pairs")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("elman")
    parser.add_argument("model", help="what `elman export --to transformers` wrote; elman reads it too")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--only", help="paradigms whose name begins so", default="")
    parser.add_argument("--no-space", action="store_true", help="no space before a sentence")
    parser.add_argument("--write", type=pathlib.Path, help="a table of the results")
    arguments = parser.parse_args()
    space = "" if arguments.no_space else " "
    files = sorted(arguments.data.glob(f"{arguments.only}*.jsonl"))
    pairs = {file.stem: [json.loads(line) for line in file.read_text().splitlines()] for file in files}
    model = HFLM(pretrained=arguments.model, trust_remote_code=True, device="cpu", batch_size=64, dtype="float32")
    rows, good = [], True
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            task = TASK.format(name=file.stem, file=file.resolve(), space=space)
            (pathlib.Path(folder) / f"{file.stem}.yaml").write_text(task)
        manager = TaskManager(include_path=folder)
        for name, documents in pairs.items():
            found = lm_eval.simple_evaluate(
                model=model, tasks=[f"elman_{name}"], task_manager=manager, log_samples=True, bootstrap_iters=0, verbosity="ERROR"
            )
            theirs = found["results"][f"elman_{name}"]["acc,none"]
            samples = sorted(found["samples"][f"elman_{name}"], key=lambda sample: sample["doc_id"])
            likelihoods = [[float(answer[0]) for answer in sample["filtered_resps"]] for sample in samples]
            sentences = [[document[f"sentence_{kind}"] for document in documents] for kind in ("good", "bad")]
            ours = [scores(arguments.elman, arguments.model, space, side) for side in sentences]
            error = max(abs(a - b) for both, *own in zip(likelihoods, *ours) for a, b in zip(both, own))
            ties = sum(abs(a - b) <= TOLERANCE for a, b in zip(*ours))
            strict = sum(a > b + TOLERANCE for a, b in zip(*ours))
            spaced = pathlib.Path(folder) / "pairs.jsonl"
            texts = [{"sentence_good": space + a, "sentence_bad": space + b} for a, b in zip(*sentences)]
            spaced.write_text("".join(json.dumps(pair) + "\n" for pair in texts))
            pairs_found = minimal_pairs(arguments.elman, arguments.model, spaced)
            right = pairs_found["accuracy"]
            fits = error <= TOLERANCE and all(strict <= round(share * len(documents)) <= strict + ties for share in (theirs, right))
            good = good and fits
            row = (name, len(documents), theirs, right, strict / len(documents), ties, error)
            rows.append(row)
            print(f"{name:56} lm_eval {theirs:.3f}  elman {row[3]:.3f}  ties {ties:4}  {error:.1e} {'ok' if fits else 'DIFFERENT'}", flush=True)
    if rows:
        print(f"{'mean':56} lm_eval {sum(r[2] for r in rows) / len(rows):.4f}  elman {sum(r[3] for r in rows) / len(rows):.4f}")
    if arguments.write:
        head = "paradigm\tpairs\tlm_eval\telman\telman_without_ties\tties\tlargest_difference_nats\n"
        arguments.write.write_text(head + "".join("\t".join(map(str, row)) + "\n" for row in rows))
    sys.exit(0 if good and rows else 1)


if __name__ == "__main__":
    main()
