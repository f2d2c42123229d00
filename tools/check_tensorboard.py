#!/usr/bin/env python3
"""Holds elman's event files against TensorBoard's own reader.

usage: tools/check_tensorboard.py target/release/elman data/kjv.txt

Needs `pip install tensorboard`. Trains a small run with --tensorboard, kills it twice after it has saved and gone on, resumes it to its end,
and reads the directory with tensorboard's EventAccumulator, which keeps everything and checks every checksum: each figure of
metrics.jsonl must be there once, equal to 1e-5 (relative), at its step; steps never go back; samples and choices are texts.

Checked with tensorboard 2.21.
"""

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

TAGS = {
    "train": {
        "loss/train": "loss_nats",
        "perplexity/train": "perplexity",
        "training/learning_rate": "lr",
        "training/gradient_norm": "grad_norm",
        "training/tokens_per_s": "tokens_per_s",
        "training/epoch": "epoch",
    },
    "valid": {"loss/valid": "loss_nats", "perplexity/valid": "perplexity"},
}


def lines(run):
    text = (run / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def last_step(run):
    try:
        return max(line["step"] for line in lines(run))
    except (OSError, ValueError):
        return 0


def train(elman, text, run, kills):
    new = [elman, "train", text, "--run", run, "--hidden", "32", "--max-vocab", "2000", "--steps", "400", "--valid-every", "90",
           "--sample-every", "75", "--sample-prompt", "In the", "--tensorboard", "--save-every", "1", "--quiet"]
    resume = [elman, "train", "--resume", run, "--save-every", "1", "--quiet"]
    for kill_after in kills:
        process = subprocess.Popen(list(map(str, new)))
        while last_step(run) < kill_after and process.poll() is None:
            time.sleep(0.01)
        if process.poll() is not None:
            sys.exit("the run ended before it could be killed: give it more steps")
        process.send_signal(signal.SIGKILL)
        process.wait()
        print(f"killed after step {last_step(run)}")
        new = resume
    subprocess.run(list(map(str, new)), check=True)


def main():
    elman, text = sys.argv[1:]
    with tempfile.TemporaryDirectory() as room:
        run = Path(room) / "run"
        train(elman, text, run, [150, 250])
        files = sorted((run / "tensorboard").iterdir())
        print(f"{len(files)} event files")
        board = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
        board.Reload()
        worst, count = 0.0, 0
        for kind, tags in TAGS.items():
            expected = [line for line in lines(run) if line["kind"] == kind]
            for tag, name in tags.items():
                found = board.Scalars(tag)
                assert [event.step for event in found] == [line["step"] for line in expected], (tag, found)
                for event, line in zip(found, expected):
                    worst = max(worst, abs(event.value - line[name]) / max(abs(line[name]), 1e-30))
                    count += 1
        print(f"{count} scalars, worst relative difference {worst:.1e}")
        assert worst <= 1e-5
        samples = [line for line in lines(run) if line["kind"] == "sample"]
        # EventAccumulator purges no tensors, so that a text which was written again is there twice. It is the same text.
        found = board.Tensors("sample")
        assert {event.step for event in found} == {line["step"] for line in samples}
        of_step = {line["step"]: line for line in samples}
        for event in found:
            line = of_step[event.step]
            block = event.tensor_proto.string_val[0].decode()
            plain = "\n".join(row[4:] for row in block.split("\n"))
            assert plain == "\n".join((line["prompt"] + line["text"]).splitlines()), (plain, line)
        options = board.Tensors("options")[-1].tensor_proto.string_val[0].decode()
        assert "| hidden | 32 |" in options, options
        print(f"{len(samples)} samples and the choices are there as texts")
        assert board.SummaryMetadata("sample").plugin_data.plugin_name == "text"
    print("fine")


if __name__ == "__main__":
    main()
