"""Models, sessions and texts: the numbers are those of the library, and objects behave as Python's do."""

import copy
import math
import multiprocessing
import pickle
import threading

import pytest

import elman


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
