"""Models, sessions and texts: the numbers are those of the library, and objects behave as Python's do."""

import copy
import math
import multiprocessing
import os
import pickle
import signal
import threading

import pytest

import elman
import elman.kenlm


@pytest.fixture
def model(room):
    return elman.load("small.arpa")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    directory = tmp_path_factory.mktemp("network")
    text = directory / "text.txt"
    text.write_text("the cat sat on the mat\nthe dog sat on the log\n" * 20)
    return elman.train(text, directory / "run", vocab="chars", hidden=16, steps=30, batch_size=4)


def test_a_model_says_what_it_is(model):
    assert (model.architecture, model.order, model.vocab_kind) == ("3-gram", 3, "fields")
    assert model.vocab_size == len(model.vocab())
    assert model.path.is_absolute() and model.path.name == "small.arpa"
    king = model.token_id("king")
    assert model.token(king) == "king"
    assert model.token_id("zebra") is None
    assert model.decode(model.tokenize("the king")) == "the king"
    with pytest.raises(KeyError, match="no token 1000"):
        model.token(1000)
    with pytest.raises(FileNotFoundError):
        elman.load("nowhere.arpa")
    with pytest.raises(elman.ElmanError, match="small.txt"):
        elman.load("small.txt")
    with pytest.raises(ValueError, match="f32, bf16, int8"):
        elman.load("small.arpa", weights="f64")


def test_scores_are_those_of_the_command(model):
    # `elman score small.arpa small.txt` prints these (docs/SCORING.md).
    rows = model.score(open("small.txt").read())
    assert [round(row["log10_p"], 6) for row in rows] == [-3.108678, -6.090197, -1.394803, -4.991359]
    assert [row["oov"] for row in rows] == [0, 1, 0, 0]
    assert [row["words"] for row in rows] == [4, 7, 0, 3]
    listed = model.score([line.rstrip("\n") for line in open("small.txt")])
    assert listed == rows
    assert math.isclose(rows[0]["ppl"], 4.185386, abs_tol=1e-6)
    without = model.score(["the king was calm"], end=False)[0]
    assert without["tokens"] == 4 and without["log10_p"] > rows[0]["log10_p"]
    assert model.score([]) == model.score("") == model.surprisal([]) == []
    with pytest.raises(ValueError, match="several"):
        model.score(["two\nlines"])


def test_surprisals_are_rows_that_sum_to_the_score(model, network):
    rows = model.surprisal("the king was calm")
    assert list(rows[0]) == ["word", "sentid", "sentpos", "wlen", "surp", "entropy", "entred", "unk", "tokens", "context"]
    assert [round(row["surp"], 6) for row in rows] == [0.693682, 1.743990, 3.793004, 3.606653]
    for each in (model, network):
        for naive in (False, True):
            total = sum(row["surp"] for row in each.surprisal("the cat sat", unit="nats", naive=naive, end=True))
            score = each.score("the cat sat")[0]["log10_p"] * math.log(10)
            assert math.isclose(total, -score, rel_tol=1e-9)
    assert [row["word"] for row in model.surprisal("the king\twas", regions=True)] == ["the king", "was"]


def test_sessions_are_fed_forked_compared_and_pickled(model, network):
    for each in (model, network):
        session = each.session().feed("the cat")
        fork = session.fork()
        assert session == fork and hash(session) == hash(fork) and session == copy.deepcopy(session)
        before = session.next().top(3)
        fork.feed(" king")
        assert session != fork and session.next().top(3) == before
        loaded = pickle.loads(pickle.dumps(fork))
        assert loaded == fork and loaded.next().top(3) == fork.next().top(3)
        assert each.restore(session.save()).next().top(3) == before
        with pytest.raises(elman.ElmanError):
            each.restore(session.save()[:-1])
        session.reset()
        assert session == each.session()


def test_distributions_sum_to_one(network):
    numpy = pytest.importorskip("numpy")
    distribution = network.session().feed("the ").next()
    log_probs = elman.log_probs(distribution)
    assert log_probs.shape == (network.vocab_size,) == (len(distribution),)
    assert math.isclose(numpy.exp(log_probs).sum(), 1.0, abs_tol=1e-5)
    assert not log_probs.flags.writeable
    (token, p), *_ = distribution.top(1)
    assert distribution.prob(token) == p == math.exp(log_probs[distribution.top_ids(1)[0]])
    assert math.isclose(distribution.entropy(), -(numpy.exp(log_probs) * log_probs).sum(), rel_tol=1e-9)
    with pytest.raises(KeyError):
        distribution.prob("no such token")


def test_arrays_are_views_of_memory_that_they_keep(network):
    numpy = pytest.importorskip("numpy")
    distribution = network.session().feed("the ").next()
    log_probs, probs = distribution.log_probs(), distribution.probs()
    assert (log_probs == elman.log_probs(distribution)).all() and numpy.allclose(numpy.exp(log_probs), probs)
    copied = log_probs.copy()
    del distribution
    others = [network.session().feed(c).next().log_probs() for c in "abcdefgh" * 100]
    assert (log_probs == copied).all() and len(others) == 800
    assert log_probs.dtype == numpy.float64 and log_probs.base is not None
    with pytest.raises(ValueError):
        log_probs[0] = 0.0


def test_hidden_states_are_those_of_sessions(network):
    numpy = pytest.importorskip("numpy")
    states = elman.inspect.hidden_states(network, "the cat sat")
    assert list(states) == ["tokens", "ids", "h_l0", "c_l0"]
    assert "".join(states["tokens"][:11]) == "the cat sat"
    assert states["ids"].tolist()[:11] == network.tokenize("the cat sat")
    n, h = states["h_l0"].shape
    assert (n, h) == (len(states["tokens"]), 16) and states["c_l0"].shape == (n, h)
    assert states["h_l0"].dtype == numpy.float32 and numpy.isfinite(states["h_l0"]).all()
    assert not states["h_l0"].flags.writeable
    # A row depends on the tokens up to its own alone, and the state decides the next token.
    longer = elman.inspect.hidden_states(network, "the cat sat on the mat", limit=11)
    assert (longer["h_l0"] == states["h_l0"][:11]).all()
    with pytest.raises(TypeError, match="3-gram"):
        elman.inspect.hidden_states(elman.ngram.train(sentences=["a b c"], order=3), "a")


def test_gradients_vanish_in_a_simple_network(tmp_path):
    numpy = pytest.importorskip("numpy")
    text = "the cat sat on the mat\nthe dog sat on the log\n" * 20
    network = elman.inspect.untrained(text, cell="elman", vocab="chars", hidden=16, embed=16)
    assert network.architecture.startswith("elman") and network.path is None
    flow = elman.inspect.gradients(network, text, lags=40, excerpts=3)
    (layer,) = flow.layers
    assert flow.verdict == layer.verdict == "vanishing" and flow.remedies
    assert layer.norms["lag"].tolist() == list(range(1, 41))
    log10 = layer.norms["mean_log10"]
    assert log10[-1] < -2 and math.isclose(layer.factor, 10 ** (log10[-1] / 40), rel_tol=1e-9)
    assert (layer.norms["most_log10"] <= layer.norms["bound_log10"] + 1e-9).all()
    assert math.isclose(layer.shares["share"].sum(), 1.0, rel_tol=1e-6)
    assert flow.report["layers"][0]["norms"][0]["mean_log10"] == log10[0]
    again = elman.inspect.gradients(network, text, lags=40, excerpts=3)
    assert (again.layers[0].norms["mean_log10"] == log10).all()
    file = tmp_path / "text.txt"
    file.write_text(text)
    assert elman.inspect.gradients(network, path=file, lags=40, excerpts=3).report == flow.report
    scaled = elman.inspect.untrained(text, cell="elman", vocab="chars", hidden=16, embed=16, init_recurrent_scale=4)
    assert elman.inspect.gradients(scaled, text, lags=40).layers[0].factor > layer.factor
    with pytest.raises(elman.ElmanError, match="lags"):
        elman.inspect.gradients(network, text, lags=0)
    assert numpy.isfinite(log10).all()


def test_texts_are_generated_for_many_prompts_and_searched(network, model):
    rows = network.samples(["the ", "a "], samples=2, max_tokens=20, seed=5, logprobs=True)
    assert [(row["index"], row["sample"]) for row in rows] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert rows[0]["text"] == elman.generate(network, "the ", max_tokens=20, seed=5)
    assert len(rows[0]["logprobs"]) == len(rows[0]["tokens"]) <= 20
    assert rows == network.samples(["the ", "a "], samples=2, max_tokens=20, seed=5, logprobs=True, batch_size=1)
    greedy = network.samples("the ", temperature=0.0, max_tokens=8)[0]["text"]
    (best,) = network.beam_search("the ", beam=1, max_tokens=8)
    assert best["text"] == greedy and best["rank"] == 1
    three = network.beam_search("the ", beam=6, n_best=3, max_tokens=8, length_penalty="mean")
    scores = [row["score"] for row in three]
    assert len(three) == 3 and scores == sorted(scores, reverse=True)
    assert three[0]["logprob"] >= best["logprob"] - 1e-9
    assert network.samples("the ", allow="[abc]{3}", max_tokens=9)[0]["text"].strip("abc") == ""
    words = model.samples("", allow_words=["king", "sea"], max_tokens=4)[0]["text"].split()
    assert set(words) <= {"king", "sea"}
    for wrong in [dict(allow="a", allow_words=["a"]), dict(length_penalty="no", beam=2)]:
        with pytest.raises(ValueError):
            network.beam_search("a", **wrong)
    with pytest.raises(TypeError, match="heat"):
        network.stream("a", heat=2.0)


def test_token_scores_have_ngram_lengths(model, network):
    rows = model.score_tokens("the king was calm\n")
    assert [row["ngram_length"] for row in rows] == [2, 3, 2, 2, 3]
    kenlm = elman.kenlm.Model("small.arpa").full_scores("the king was calm")
    assert [row["ngram_length"] for row in rows] == [length for _, length, _ in kenlm]
    assert {row["ngram_length"] for row in network.score_tokens("the cat\n")} == {None}


def test_records_become_data_frames(model):
    for name in ["pandas", "polars"]:
        frames = pytest.importorskip(name)
        rows = model.surprisal("the king was calm\nthe zebra")
        frame = frames.DataFrame(rows)
        assert list(frame.columns) == list(rows[0]) and frame.shape == (len(rows), len(rows[0]))
        assert math.isclose(frame["surp"].sum(), sum(row["surp"] for row in rows))
        for records in [model.score(["the king", "the sea"]), model.score_tokens("the king"), model.samples("the", samples=2)]:
            assert frames.DataFrame(records).shape[0] == len(records)
        flow = elman.inspect.untrained("the cat\n" * 40, vocab="chars", hidden=8)
        norms = elman.inspect.gradients(flow, "the cat\n" * 40, lags=10).layers[0].norms
        assert frames.DataFrame(norms).shape == (10, 6)


def test_a_text_is_generated_piece_by_piece(network):
    pieces = list(network.stream("the ", max_tokens=30, seed=3))
    assert len(pieces) > 5
    assert "".join(pieces) == elman.generate(network, "the ", max_tokens=30, seed=3)
    endless = network.stream("the ", max_tokens=10**9)
    assert next(endless) is not None
    del endless
    with pytest.raises(elman.ElmanError, match="temperature"):
        network.stream(temperature=-1.0)


def test_threads_share_a_model(network):
    texts = [f"the cat sat on the {word}" for word in ["mat", "log", "dog", "cat"] * 8]
    alone = [network.log_prob(text) for text in texts]
    together = [None] * len(texts)

    def score(i):
        together[i] = network.log_prob(texts[i])

    threads = [threading.Thread(target=score, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def score(model, text):
    return model.log_prob(text)


def test_worker_processes_hold_models(model, network):
    texts = ["the king was calm\n", "the sea\n"]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for each in (model, network):
            scores = pool.starmap(score, [(each, text) for text in texts])
            assert scores == [each.log_prob(text) for text in texts]


def test_models_are_pickled_by_their_paths(model, network):
    assert pickle.loads(pickle.dumps(model)).id == model.id
    assert pickle.loads(pickle.dumps(network)).id == network.id
    in_memory = elman.ngram.train(sentences=["the king was calm", "a sheep"], order=2)
    again = pickle.loads(pickle.dumps(in_memory))
    assert again.id == in_memory.id and again.path is None
    assert pickle.loads(pickle.dumps(again.session().feed("the"))) == again.session().feed("the")
    with pytest.raises(elman.ElmanError, match="the pickle"):
        elman.Model._from_bytes(b"ELMANGRM and nothing else")
    mixture = elman.Model.mixture([(model, 0.5), (model, 0.5)])
    assert math.isclose(mixture.log_prob("the king\n"), model.log_prob("the king\n"), rel_tol=1e-6)
    with pytest.raises(elman.ElmanError, match="pickled by its path"):
        pickle.dumps(mixture)


def test_evaluation_is_that_of_the_command(model):
    figures = elman.evaluate(model, "small.txt")
    assert figures["oov"] == 1 and figures["model_id"] == model.id
    in_memory = elman.evaluate(model, text=open("small.txt").read())
    assert {name for name in figures if figures[name] != in_memory[name]} <= {"seconds", "tokens_per_second"}
    with pytest.raises(TypeError):
        elman.evaluate(model)


def test_evaluation_takes_the_options_of_the_command(model, network):
    text = "the cat sat on the mat\n" * 4
    lines = elman.evaluate(network, text=text, layout="sentences")
    assert lines["layout"] == "sentences" and lines["perplexity"] != elman.evaluate(network, text=text)["perplexity"]
    batched = elman.evaluate(network, text=text, layout="sentences", batch_size=3)
    assert math.isclose(batched["perplexity"], lines["perplexity"], rel_tol=1e-12)
    answers = elman.evaluate(network, text=text, loss_after="n")
    assert answers["lines"] == 4 and 0.0 <= answers["accuracy"] <= 1.0
    marked = elman.evaluate(model, text="<s> the king </s>\n", skip_symbols=True)
    assert marked["perplexity"] == elman.evaluate(model, text="the king\n")["perplexity"]
    twice = elman.evaluate(model, ["small.txt", "small.txt"])
    assert twice["tokens"] == 2 * elman.evaluate(model, "small.txt")["tokens"]
    with pytest.raises(ValueError, match="batch_size is for networks"):
        elman.evaluate(model, text=text, batch_size=2)
    with pytest.raises(ValueError, match="stream, sentences"):
        elman.evaluate(model, text=text, layout="pages")


def work_of_a_child(network):
    """What a forked process does with a model of its parent, and with models of its own."""
    session = network.session().feed("the cat ")
    score = network.log_prob("the cat sat\n" * 200)
    loaded = elman.load(network.path)
    trained = elman.ngram.train(sentences=["the cat sat"] * 3, order=2)
    return score, loaded.log_prob("the dog\n"), session.next().top(3), trained.id


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(tmp_path):
    network = elman.train(run=tmp_path / "run", sentences="the cat sat on the mat\n" * 40, vocab="chars", hidden=128, steps=3, batch_size=4)
    expected = work_of_a_child(network)
    session = network.session().feed("the dog ")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map_async(work_of_a_child, [network] * 2)
        assert found.get(timeout=60) == [expected] * 2

    # The very objects of the parent, in a child and in its own child.
    def child(generation):
        pid = os.fork()
        if pid == 0:
            same = work_of_a_child(network) == expected and session.fork().next().top(2) == session.next().top(2)
            if generation == 0:
                same = same and child(1) == 0
            os._exit(0 if same else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    signal.alarm(100)
    assert child(0) == 0
    signal.alarm(0)
    assert work_of_a_child(network) == expected
