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
    # A shell that starts the tests in the background tells them to ignore Ctrl-C, which programs inherit.
    program = f"""
import elman, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
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


def test_options_may_be_numbers_of_numpy_and_any_text(text, tmp_path):
    numpy = pytest.importorskip("numpy")
    any_text = dict(sample_prompt="\U0001f600\x7f", sample_every=2, threads=1)
    plain = elman.train(text, tmp_path / "plain", hidden=4, steps=2, lr=0.5, **any_text)
    numbers = dict(hidden=[numpy.int64(4)], steps=numpy.int32(2), lr=numpy.float64(0.5))
    assert elman.train(text, tmp_path / "numpy", **numbers, **any_text).id == plain.id


def test_strings_are_trained_on_as_files_are(text, tmp_path):
    model = elman.train(text, tmp_path / "file", **OPTIONS)
    assert elman.train(run=tmp_path / "string", sentences=TEXT, **OPTIONS).id == model.id
    assert elman.train(run=tmp_path / "list", sentences=TEXT.splitlines(), **OPTIONS).id == model.id
    # The run keeps its text, and is not overwritten.
    assert (tmp_path / "string/stdin.txt").read_text() == TEXT
    with pytest.raises(elman.ElmanError, match="already holds a run"):
        elman.train(run=tmp_path / "string", sentences="other\n", **OPTIONS)
    assert (tmp_path / "string/stdin.txt").read_text() == TEXT
    assert elman.resume(tmp_path / "list", steps=45).id != model.id
    with pytest.raises(TypeError, match="sentences="):
        elman.train(text, tmp_path / "both", sentences=TEXT)
    with pytest.raises(TypeError, match="directory of the run"):
        elman.train(sentences=TEXT)
    with pytest.raises(ValueError, match="several"):
        elman.train(run=tmp_path / "lines", sentences=["two\nlines"])


def test_tokens_are_trained_on_as_their_text_is(text, tmp_path):
    valid = tmp_path / "valid.txt"
    valid.write_text("the cat sat on the log\n" * 5)
    options = dict(OPTIONS, vocab="fields")
    model = elman.train(text, tmp_path / "text", valid=valid, **options)
    lines = [model.tokenize(line) for line in TEXT.splitlines()]
    end = model.tokenize("a\n")[-1]
    held_out = [model.tokenize(line) for line in valid.read_text().splitlines()]
    given = dict(vocab_from=model, valid_tokens=held_out, **options)
    assert elman.train(run=tmp_path / "sentences", tokens=lines, **given).id == model.id
    stream = [token for line in lines for token in [*line, end]]
    assert elman.train(run=tmp_path / "stream", tokens=stream, **given).id == model.id
    assert elman.resume(tmp_path / "stream", steps=45).id != model.id
    numpy = pytest.importorskip("numpy")
    for kind in ["int64", "uint16", "int32"]:
        array = numpy.array(stream, dtype=kind)
        assert elman.train(run=tmp_path / kind, tokens=array, **given).id == model.id
    # Ids of a list of words, whose lines follow the special tokens.
    (tmp_path / "words.txt").write_text("".join(f"{word}\n" for word in model.vocab()))
    listed = elman.train(run=tmp_path / "listed", tokens=array, vocab_file=tmp_path / "words.txt", **options)
    assert listed.vocab() == model.vocab()
    for wrong, error in [
        (numpy.array([1.5]), TypeError),
        (numpy.array([[1]]), TypeError),
        (numpy.array([-1]), ValueError),
        ([-1, 2], ValueError),
        ([10**6] * 100, elman.ElmanError),
    ]:
        with pytest.raises(error):
            elman.train(run=tmp_path / "wrong", tokens=wrong, vocab_from=model, **options)
    with pytest.raises(TypeError, match="vocab_from="):
        elman.train(run=tmp_path / "wrong", tokens=stream, **options)
    assert elman.train(run=tmp_path / "more", tokens=stream, init_from=model, steps=3).vocab() == model.vocab()


def test_ngrams_are_pruned_mixed_by_fitted_weights_and_described(text, tmp_path):
    lines = TEXT.splitlines()
    model = elman.ngram.train(sentences=lines, order=3)
    assert elman.ngram.train(sentences=TEXT, order=3, vocab="whitespace").id == model.id
    info = elman.ngram.info(model)
    assert info["order"] == 3 == len(info["ngrams"]) and info["id"] == model.id
    entropy = elman.ngram.train(sentences=lines, order=3, prune_entropy=0.05)
    assert sum(elman.ngram.info(entropy)["ngrams"]) < sum(info["ngrams"])
    assert elman.ngram.prune(model, 0.05, sentences=lines).id == entropy.id
    assert elman.ngram.prune(model, 0.05, history=text).id == entropy.id
    assert elman.ngram.prune(model, 0.05).order == 3
    with pytest.raises(ValueError, match="above 0"):
        elman.ngram.prune(model, 0.0)
    weights = elman.fit_weights([model, entropy], text=TEXT)
    assert math.isclose(sum(weights), 1.0) and weights[0] > weights[1]
    mixed = elman.ngram.mix(zip([model, entropy], weights))
    assert elman.evaluate(mixed, text=TEXT)["perplexity"] < elman.evaluate(entropy, text=TEXT)["perplexity"]
    # The name says the form.
    for name in ["m.arpa", "m.arpa.gz", "m.lm", "m.bin"]:
        model.save(tmp_path / name)
        assert math.isclose(elman.load(tmp_path / name).log_prob(TEXT), model.log_prob(TEXT), rel_tol=1e-6)
    assert (tmp_path / "m.arpa").read_text().splitlines()[2] == "\\data\\"
    # The vocabulary of another model, to mix with it or to compare.
    small = elman.ngram.train(sentences=["the cat"], order=2)
    small.save(tmp_path / "small.bin")
    small = elman.load(tmp_path / "small.bin")
    assert elman.ngram.train(sentences=lines, order=2, vocab_from=small).vocab() == small.vocab()
    positive = tmp_path / "positive.arpa"
    positive.write_text("\\data\\\nngram 1=3\n\n\\1-grams:\n-1\t<s>\n-1\t</s>\n0.5\ta\n\n\\end\\\n")
    with pytest.raises(elman.ElmanError):
        elman.ngram.load(positive)
    assert elman.ngram.load(positive, clip_positive=True).order == 1


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
