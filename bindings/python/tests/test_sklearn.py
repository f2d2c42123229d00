"""Estimators of scikit-learn: they fit, transform, score, and are cloned, searched and pickled."""

import math
import pickle

import pytest

import elman
from elman.sklearn import NetworkModel, NGramModel, PretrainedModel

numpy = pytest.importorskip("numpy")

TEXTS = ["the king was calm", "the king went up to the sea", "a sheep was calm\nthe sheep went up", "the sea was calm"] * 10
OPTIONS = {"hidden": 16, "steps": 20, "batch_size": 4, "vocab": "chars"}


def test_scores_are_those_of_the_model():
    estimator = NGramModel(order=2).fit(TEXTS)
    log_probs = estimator.score_samples(TEXTS[:4])
    for text, found in zip(TEXTS, log_probs):
        rows = estimator.model_.score(text.splitlines())
        assert math.isclose(found, sum(row["log10_p"] for row in rows) * math.log(10))
    features = estimator.transform(TEXTS[:4] + ["zebra", ""])
    assert features.shape == (6, 4) and (features[:4, 0] == log_probs).all()
    assert features[:, 2].tolist() == [0, 0, 0, 0, 1, 0] and features[5, 1] == 1
    assert list(estimator.get_feature_names_out()) == ["log_prob", "tokens", "oov", "log_prob_per_token"]
    assert math.isclose(estimator.score(TEXTS), estimator.score_samples(TEXTS).mean())
    lines = "".join(f"{text}\n" for text in TEXTS)
    same = elman.evaluate(estimator.model_, text=lines, layout="sentences")["perplexity"]
    assert math.isclose(estimator.perplexity(TEXTS), same, rel_tol=1e-6)
    assert (NGramModel(order=2).fit_transform(TEXTS) == estimator.transform(TEXTS)).all()
    assert estimator.transform([]).shape == (0, 4)
    for wrong in ["one text", [3], [None]]:
        with pytest.raises(ValueError, match="list of texts"):
            estimator.score_samples(wrong)


def test_parameters_are_read_and_set():
    estimator = NGramModel(order=4)
    assert estimator.get_params()["order"] == 4 and repr(estimator) == "NGramModel(order=4)"
    assert estimator.set_params(order=2, prune=[0, 1]).order == 2
    with pytest.raises(ValueError, match="no parameter depth"):
        estimator.set_params(depth=3)
    with pytest.raises(Exception, match="call fit"):
        estimator.score(TEXTS)


def test_networks_are_trained_and_loaded(tmp_path):
    estimator = NetworkModel(run=tmp_path / "run", options=OPTIONS).fit(TEXTS)
    loaded = PretrainedModel(tmp_path / "run").fit()
    assert (loaded.score_samples(TEXTS) == estimator.score_samples(TEXTS)).all()
    assert (pickle.loads(pickle.dumps(estimator)).score_samples(TEXTS) == estimator.score_samples(TEXTS)).all()
    temporary = NetworkModel(options=OPTIONS).fit(TEXTS)
    assert (temporary.score_samples(TEXTS) == estimator.score_samples(TEXTS)).all()
    with pytest.raises(TypeError, match="give NetworkModel a run"):
        pickle.dumps(temporary)
    trained = NGramModel(order=2).fit(TEXTS)
    assert (pickle.loads(pickle.dumps(trained)).score_samples(TEXTS) == trained.score_samples(TEXTS)).all()


def test_scikit_learn_clones_pipes_and_searches(tmp_path):
    pytest.importorskip("sklearn")
    from sklearn.base import clone
    from sklearn.exceptions import NotFittedError
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, cross_val_score
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn.utils.validation import check_is_fitted

    with pytest.raises(NotFittedError):
        NGramModel().score(TEXTS)
    with pytest.raises(NotFittedError):
        check_is_fitted(NGramModel())
    fitted = NGramModel(order=2).fit(TEXTS)
    check_is_fitted(fitted)
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params() and not hasattr(copied, "model_")

    # Which texts are in an unlikely order? The features alone tell it.
    shuffled = [" ".join(sorted(text.split(), reverse=True)) for text in TEXTS]
    texts, labels = TEXTS + shuffled, [1] * len(TEXTS) + [0] * len(shuffled)
    pretrained = PretrainedModel(save(fitted, tmp_path))
    pipeline = make_pipeline(pretrained, StandardScaler(), LogisticRegression())
    assert pipeline.fit(texts, labels).score(texts, labels) == 1.0
    assert list(pipeline[:-1].get_feature_names_out()) == list(fitted.get_feature_names_out())
    union = FeatureUnion([("model", pretrained), ("length", FunctionTransformer(lambda texts: numpy.array([[len(t)] for t in texts])))])
    assert union.fit_transform(texts).shape == (len(texts), 5)

    search = GridSearchCV(NGramModel(), {"order": [1, 3]}, cv=4, n_jobs=2).fit(TEXTS)
    assert search.best_params_ == {"order": 3} and search.best_estimator_.model_.order == 3
    assert len(cross_val_score(NGramModel(order=2), TEXTS, cv=4)) == 4
    assert make_pipeline(NGramModel(order=2)).fit(TEXTS).score(TEXTS) == fitted.score(TEXTS)
    for name in ["pandas", "polars"]:
        frames = pytest.importorskip(name)
        frame = clone(pretrained).set_output(transform=name).fit_transform(texts)
        assert isinstance(frame, frames.DataFrame) and list(frame.columns) == list(fitted.get_feature_names_out())
    frames = make_pipeline(clone(pretrained), StandardScaler()).set_output(transform="pandas").fit_transform(texts)
    assert list(frames.columns) == list(fitted.get_feature_names_out())


def save(estimator, directory):
    estimator.model_.save(directory / "model.bin")
    return directory / "model.bin"
