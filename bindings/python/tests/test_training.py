"""Runs and n-gram models made from Python."""

import math
import signal
import subprocess
import sys

import pytest

import elman

TEXT = "the cat sat on the mat\nthe dog sat on the log\na cat and a dog\n" * 20
OPTIONS = dict(vocab="chars", hidden=16, embed=16, batch_size=4, steps=40, seed=3)


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


def test_a_run_reports_and_gives_a_model(text, tmp_path):
    reports = []
    model = elman.train(text, tmp_path / "run", progress=reports.append, **OPTIONS)
    assert model.architecture == "lstm 1×16"
    kinds = {report["event"] for report in reports}
    assert "validation" in kinds
    again = elman.train(text, tmp_path / "again", threads=1, **OPTIONS)
    assert again.id == model.id
    with pytest.raises(elman.ElmanError):
        elman.train(text, tmp_path / "run", **OPTIONS)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_is_resumed_to_the_same_weights(text, tmp_path, error):
    whole = elman.train(text, tmp_path / "whole", **OPTIONS)

    def interrupt(report):
        raise error("stop here")

    with pytest.raises(error):
        elman.train(text, tmp_path / "parts", progress=interrupt, **OPTIONS)
    assert elman.resume(tmp_path / "parts").id == whole.id


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent otherwise there")
def test_ctrl_c_leaves_a_run_that_resumes(text, tmp_path):
    options = dict(OPTIONS, steps=3000)
    program = f"""
import elman
elman.train({str(text)!r}, {str(tmp_path / "run")!r}, progress=lambda report: print(report["event"], flush=True), **{options!r})
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "step" not in process.stdout.readline():
        pass
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0 and "KeyboardInterrupt" in errors
    assert elman.resume(tmp_path / "run").id == elman.train(text, tmp_path / "whole", **options).id


def test_options_are_those_of_the_command(text, tmp_path):
    with pytest.raises(elman.ElmanError, match="hiden"):
        elman.train(text, tmp_path / "run", hiden=3)
    with pytest.raises(elman.ElmanError, match="lr"):
        elman.train(text, tmp_path / "run", lr=-1.0)
    with pytest.raises(TypeError):
        elman.train(text, tmp_path / "run", lr={})
    assert not (tmp_path / "run").exists()


def test_ngrams_are_trained_in_memory_and_from_files(text, tmp_path):
    lines = TEXT.splitlines()
    model = elman.ngram.train(sentences=lines, order=3)
    assert elman.ngram.train(text, order=3).id == model.id
    assert model.order == 3
    model.save(tmp_path / "m.bin")
    model.save_arpa(tmp_path / "m.arpa")
    assert elman.load(tmp_path / "m.bin").id == model.id
    arpa = elman.load(tmp_path / "m.arpa")
    assert math.isclose(arpa.log_prob(TEXT), model.log_prob(TEXT), rel_tol=1e-6)
    pruned = elman.ngram.train(sentences=lines, order=3, prune=[0, 0, 1000])
    assert pruned.parameters < model.parameters
    mixed = elman.ngram.mix([(model, 0.6), (pruned, 0.4)])
    assert mixed.order == 3
    with pytest.raises(ValueError, match="sum to 1"):
        elman.ngram.mix([(model, 0.6), (pruned, 0.6)])
    with pytest.raises(TypeError, match="files of a text, or a list of sentences"):
        elman.ngram.train()
