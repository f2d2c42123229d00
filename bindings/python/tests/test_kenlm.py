"""`elman.kenlm` has the shape and the values of `kenlm`, and is compared with it where that is installed."""

import copy
import gzip
import math
import os
import pickle
import random
import signal
from pathlib import Path

import pytest

import elman.kenlm as kenlm

SENTENCES = [
    "",
    "the king was calm",
    "a sheep went up to the sea",
    "  the \t king\u000b was\u000ccalm  ",
    "the\u00a0king",
    "king king king",
    "unknown words only",
    "the king </s>",
]


@pytest.fixture
def model(room):
    return kenlm.Model("small.arpa")


def test_sums_of_full_scores_are_scores(model):
    for sentence in SENTENCES:
        for bos in (True, False):
            for eos in (True, False):
                scores = list(model.full_scores(sentence, bos=bos, eos=eos))
                total = model.score(sentence, bos=bos, eos=eos)
                assert math.isclose(sum(p for p, _, _ in scores), total, abs_tol=1e-6)
                assert model.score(sentence.encode(), bos, eos) == total
        words = len(sentence.encode().split())
        assert math.isclose(model.perplexity(sentence), 10 ** (-model.score(sentence) / (words + 1)))
    for sentences in ([], SENTENCES, SENTENCES * 300):
        assert model.scores(sentences) == [model.score(sentence) for sentence in sentences]


def test_states_are_values(model):
    state, after, other = kenlm.State(), kenlm.State(), kenlm.State()
    model.BeginSentenceWrite(state)
    total = 0.0
    for word in ["the", "king", "was", "calm", "</s>"]:
        full = model.BaseFullScore(state, word, after)
        assert full.log_prob == model.BaseScore(state, word, other)
        assert after == other and hash(after) == hash(other)
        total += full.log_prob
        state, after = after, state
    assert math.isclose(total, model.score("the king was calm"), abs_tol=1e-6)
    # Nothing is known after </s>.
    model.NullContextWrite(other)
    assert other == state
    model.BeginSentenceWrite(state)
    assert other != state and copy.copy(state) == state == copy.deepcopy(state)
    # A state may be read and written by one call.
    model.BaseScore(other, "the", other)
    with pytest.raises(Exception, match="BeginSentenceWrite"):
        model.BaseScore(kenlm.State(), "the", other)


def test_the_rest_of_the_interface(model, room):
    assert model.order == 3 and model.path == os.fsencode(room / "small.arpa")
    assert "king" in model and "zebra" not in model and "<unk>" not in model
    assert pickle.loads(pickle.dumps(model)).score("the king") == model.score("the king")
    assert isinstance(kenlm.LanguageModel("small.arpa", kenlm.Config()), kenlm.Model)
    assert kenlm.Model("small.arpa", config=kenlm.Config()).order == kenlm.Model(path="small.arpa").order == 3
    assert kenlm.Model(kenlm.Model("small.arpa").path).order == 3  # bytes, as in kenlm
    with pytest.raises(OSError, match="Cannot read model 'nowhere.arpa'"):
        kenlm.Model("nowhere.arpa")
    with pytest.raises(OSError, match="small.txt"):
        kenlm.Model("small.txt")
    with pytest.raises(TypeError):
        model.score(3)
    assert repr(model) == "<Model from b'small.arpa'>"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_score_and_load(model):
    sentences = [sentence.strip() for sentence in SENTENCES]
    expected = model.scores(sentences)
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        loaded = kenlm.Model("small.arpa")
        os._exit(0 if model.scores(sentences) == loaded.scores(sentences) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_values_are_those_of_kenlm(model):
    real = pytest.importorskip("kenlm").Model("small.arpa")
    random.seed(1)
    words = [line.split("\t")[1].split()[0] for line in open("small.arpa") if line.count("\t") >= 1]
    words += ["zebra", "\u00e9", "<unk>", "<s>", "</s>", "<eos>"]
    sentences = SENTENCES + [" ".join(random.choices(words, k=random.randint(0, 12))) for _ in range(2000)]
    for sentence in sentences:
        assert math.isclose(model.score(sentence), real.score(sentence), abs_tol=1e-5 * max(1, len(sentence.split())))
        assert math.isclose(model.perplexity(sentence), real.perplexity(sentence), rel_tol=1e-4)
        for (p, n, oov), (real_p, real_n, real_oov) in zip(
            model.full_scores(sentence), real.full_scores(sentence), strict=True
        ):
            assert math.isclose(p, real_p, abs_tol=1e-5) and (n, oov) == (real_n, real_oov), sentence


REPOSITORY = Path(os.environ.get("ELMAN_REPOSITORY") or Path(__file__).parents[3])
FILES_OF_KENLM = REPOSITORY / "crates" / "ngram" / "fixtures" / "kenlm"


@pytest.mark.parametrize("packed", sorted(FILES_OF_KENLM.glob("*.bin.gz")), ids=lambda path: path.stem)
def test_binaries_of_kenlm_have_the_scores_of_its_query(packed, tmp_path):
    path = tmp_path / packed.stem
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    model = kenlm.Model(str(path))
    printed = [word for word in (FILES_OF_KENLM / path.with_suffix(".txt").name).read_text().split("\t") if "=" in word]
    scored = []
    for sentence in (FILES_OF_KENLM / "sentences.txt").read_text().splitlines():
        scored += model.full_scores(sentence)
        assert math.isclose(model.score(sentence), sum(p for p, _, _ in model.full_scores(sentence)))
    assert len(scored) == len(printed)
    for (p, n, oov), word in zip(scored, printed):
        name, length, log10 = word.split(" ")
        assert math.isclose(p, float(log10), rel_tol=1e-6) and (n, oov) == (int(length), name.endswith("=0"))
    state, other = kenlm.State(), kenlm.State()
    model.NullContextWrite(state)
    model.BaseScore(state, "zebra", other)
    again = kenlm.State()
    model.BaseScore(state, "unheard", again)
    assert other == again and hash(other) == hash(again)
    assert pickle.loads(pickle.dumps(model)).score("and god") == model.score("and god")
