"""Models in the beam search of pyctcdecode: the scores of its own class on KenLM, and networks and mixtures where KenLM has none."""

import math
import pickle
import random

import pytest

import elman
import elman.kenlm
from elman.pyctcdecode import LanguageModel, build_ctcdecoder

TEXT = ["the king was calm", "the king went up to the sea", "a sheep was calm", "the sheep went up"] * 10
LABELS = [" ", *"abcdefghijklmnopqrstuvwxyz", ""]


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    path = tmp_path_factory.mktemp("words") / "words.arpa"
    elman.ngram.train(sentences=TEXT, order=3).save(path)
    return path


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    directory = tmp_path_factory.mktemp("networks")
    options = dict(sentences=TEXT, hidden=24, steps=150, batch_size=8, lr=0.01, threads=1)
    return {kind: elman.train(run=directory / kind, vocab=kind, **options) for kind in ["fields", "chars"]}


def spoken(text):
    """Log-probabilities of frames in which the labels of a text stand, each between blanks."""
    numpy = pytest.importorskip("numpy")
    frames = []
    for label in text:
        for wanted in (LABELS.index(label), len(LABELS) - 1):
            p = numpy.full(len(LABELS), 0.01)
            p[wanted] += 1.0
            frames.append(numpy.log(p / p.sum()))
    return numpy.array(frames, dtype=numpy.float32)


def mixture_of(network):
    ngrams = elman.ngram.train(sentences=TEXT, order=3, vocab_from=network)
    return elman.Model.mixture([(ngrams, 0.5), (network, 0.5)])


def total(model, sentence):
    state, scores = model.get_start_state(), 0.0
    found = sentence.split()
    for number, word in enumerate(found):
        score, state = model.score(state, word, is_last_word=number == len(found) - 1)
        scores += score
    return scores


def test_the_score_of_a_text_is_that_of_its_words(words, networks):
    for model in [elman.load(words), *networks.values()]:
        scorer = LanguageModel(model, alpha=1.0, beta=0.0)
        for sentence in set(TEXT):
            # The end of a text, where a line of it ends in the model's scores.
            ids = model.tokenize(sentence)
            expected = sum(model.session().score_tokens([*ids, model.eos_id]))
            assert math.isclose(total(scorer, sentence), expected, abs_tol=1e-4)
        without = LanguageModel(model, alpha=1.0, beta=0.0, score_boundary=False)
        assert without.score(without.get_start_state(), "the", True)[0] > scorer.score(scorer.get_start_state(), "the", True)[0]


def test_states_are_values(networks):
    scorer = LanguageModel(networks["chars"])
    start = scorer.get_start_state()
    first, state = scorer.score(start, "the")
    again, other = scorer.score(start, "the")
    assert first == again and state == other and hash(state) == hash(other) and state != start
    assert start == scorer.get_start_state()
    assert pickle.loads(pickle.dumps(state.get_mp_safe_state())) == state
    # Spelt after a space, a word has other scores than at the beginning of a text.
    assert scorer.score(state, "the")[0] != first


def test_unknown_words_and_partial_words_are_offset(words, networks):
    scorer = LanguageModel(elman.load(words), alpha=1.0, beta=0.0)
    start = scorer.get_start_state()
    plain = LanguageModel(elman.load(words), alpha=1.0, beta=0.0, unk_score_offset=0.0)
    assert math.isclose(scorer.score(start, "zebra")[0], plain.score(start, "zebra")[0] - 10.0 * math.log(10.0))
    assert scorer.score(start, "king")[0] == plain.score(start, "king")[0]
    assert scorer.score_partial_token("kin") == 0.0 == scorer.score_partial_token("king")
    assert scorer.score_partial_token("zeb") == -10.0 and scorer.score_partial_token("kingdomwhich") == -20.0
    few = LanguageModel(elman.load(words), ["king", "zebra"], alpha=1.0, beta=0.0)
    assert few.score_partial_token("zeb") == -10.0, "the model does not know the word"
    assert math.isclose(few.score(start, "the")[0], plain.score(start, "the")[0] - 10.0 * math.log(10.0))
    # Characters spell all words.
    spelt = LanguageModel(networks["chars"])
    assert spelt.score_partial_token("zeb") == 0.0
    assert LanguageModel(networks["chars"], ["king"]).score_partial_token("zeb") == -10.0
    scorer.reset_params(alpha=0.25, beta=0.5, unk_score_offset=None)
    assert (scorer.alpha, scorer.beta) == (0.25, 0.5)
    for wrong in [dict(alpha=1), dict(gamma=1.0)]:
        with pytest.raises(ValueError):
            scorer.reset_params(**wrong)


def test_models_are_saved_and_loaded(words, networks, tmp_path):
    for number, scorer in enumerate(
        [LanguageModel(elman.load(words), ["king", "the"], alpha=0.3), LanguageModel(networks["chars"], beta=0.7, order=4)]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        scorer.save_to_dir(directory)
        loaded = LanguageModel.load_from_dir(directory)
        assert (loaded.alpha, loaded.beta, loaded.order) == (scorer.alpha, scorer.beta, scorer.order)
        assert total(loaded, "the king zebra") == total(scorer, "the king zebra")
        assert loaded.score_partial_token("zeb") == scorer.score_partial_token("zeb")
    mixture = LanguageModel(mixture_of(networks["fields"]))
    with pytest.raises(elman.ElmanError, match="mixture"):
        mixture.save_to_dir(tmp_path)


def test_the_search_finds_what_the_models_prefer(words, networks):
    pytest.importorskip("pyctcdecode")
    for model in [elman.load(words), mixture_of(networks["fields"]), *networks.values()]:
        decoder = build_ctcdecoder(LABELS, model, alpha=1.0)
        assert decoder.decode(spoken("the king was calm")) == "the king was calm"
        # A sound between two words is decided by the model.
        frames = spoken("the kink was calm")
        frames[12, LABELS.index("g")] = frames[12, LABELS.index("k")] - 0.1
        frames[14, LABELS.index("g")] = frames[14, LABELS.index("k")] - 0.1
        assert decoder.decode(frames) == "the king was calm", model
        beams = decoder.decode_beams(frames, beam_width=20)
        assert beams[0][0] == "the king was calm" and beams[0][1] is not None
        assert "kink" in decoder.decode(frames, hotwords=["kink"])


def test_workers_of_a_pool_decode(networks):
    import multiprocessing

    pytest.importorskip("pyctcdecode")
    decoder = build_ctcdecoder(LABELS, networks["chars"], alpha=1.0)
    texts = ["the king was calm", "a sheep was calm"]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert decoder.decode_batch(pool, [spoken(text) for text in texts]) == texts


def test_scores_and_texts_are_those_of_kenlm(words):
    pyctcdecode = pytest.importorskip("pyctcdecode")
    kenlm = pytest.importorskip("kenlm")
    unigrams = sorted({word for line in TEXT for word in line.split()})
    theirs = pyctcdecode.LanguageModel(kenlm.Model(str(words)), unigrams, alpha=0.6, beta=1.2)
    ours = LanguageModel(elman.load(words), unigrams, alpha=0.6, beta=1.2)
    random.seed(2)
    for _ in range(500):
        sentence = " ".join(random.choices([*unigrams, "zebra", "kin"], k=random.randint(1, 8)))
        assert math.isclose(total(ours, sentence), total(theirs, sentence), abs_tol=1e-4), sentence
    for partial in ["", "t", "th", "zebra", "ki", "kingdoms", "the"]:
        assert ours.score_partial_token(partial) == theirs.score_partial_token(partial)
    class WithoutEmptyWords(pyctcdecode.LanguageModel):
        """pyctcdecode's class, for which an empty word at the end of a text is no unknown word either."""

        def score(self, prev_state, word, is_last_word=False):
            if word:
                return super().score(prev_state, word, is_last_word)
            end = self._get_raw_end_score(prev_state) if is_last_word else 0.0
            return self.alpha * end * math.log(10.0) + self.beta, prev_state

    theirs = WithoutEmptyWords(kenlm.Model(str(words)), unigrams, alpha=0.6, beta=1.2)
    decoder = pyctcdecode.BeamSearchDecoderCTC(pyctcdecode.Alphabet.build_alphabet(LABELS), theirs)
    other = build_ctcdecoder(LABELS, elman.load(words), unigrams, alpha=0.6, beta=1.2)
    for text in TEXT[:4] + ["the zebra was up", "king king"]:
        theirs, ours = decoder.decode_beams(spoken(text)), other.decode_beams(spoken(text))
        assert ours[0][0] == theirs[0][0] == text
        assert [beam[0] for beam in ours] == [beam[0] for beam in theirs]
        for our, their in zip(ours, theirs, strict=True):
            assert math.isclose(our[-1], their[-1], abs_tol=1e-3)
