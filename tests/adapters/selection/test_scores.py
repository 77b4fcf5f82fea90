"""Scores of frozen features: against their published goldens, and against the definition worked out the long way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import weightedtau
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import Ridge

from adapters.selection.evidence import Basis, evidence
from adapters.selection.heads import leep, nce
from adapters.selection.moments import Matrix, Moments, gather
from adapters.selection.neighbours import majority, nearest
from adapters.selection.probe import alone
from adapters.selection.scorer import StandardScorer
from adapters.selection.separation import h_score
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError
from registry.ports.scoring import Sample


def classes_of(rows: int, count: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).permutation(np.arange(rows) % count)


def one_hot(classes: NDArray[np.int64]) -> Matrix:
    return np.eye(int(classes.max()) + 1)[classes]


def exact(x: Matrix, y: Matrix, alpha: float, beta: float) -> float:
    """The log density of `y` for each row, by its definition."""
    lower = np.linalg.cholesky(np.eye(len(x)) / beta + x @ x.T / alpha)
    whitened = np.linalg.solve(lower, y)
    return float(-0.5 * whitened @ whitened - np.log(np.diag(lower)).sum() - len(x) / 2 * np.log(2 * np.pi)) / len(x)


SHAPES = {
    "more rows than features": (120, 10, ()),
    "fewer rows than features": (40, 90, ()),
    "as many rows as features": (50, 50, ()),
    "features that repeat others": (80, 20, ("repeated",)),
    "constant features": (80, 20, ("constant",)),
    "features that are zero": (30, 60, ("zero",)),
    "features far from zero": (60, 12, ("shifted",)),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_logme_is_the_exact_evidence_for_every_shape_of_features(shape: str) -> None:
    rows, size, marks = SHAPES[shape]
    x = np.random.default_rng(3).normal(size=(rows, size)) + (30.0 if "shifted" in marks else 0.0)
    if "repeated" in marks:
        x[:, size // 2 :] = x[:, : size // 2]
    if "constant" in marks:
        x[:, :4] = 2.5
    if "zero" in marks:
        x[:, :7] = 0.0
    classes = classes_of(rows, 3)
    moments = gather(x, None, classes)
    found = evidence(moments, Basis.of(moments))
    truth = [exact(x, one_hot(classes)[:, c], found.alpha[c], found.beta[c]) for c in range(3)]
    assert found.values == pytest.approx(truth, abs=1e-9)


def test_iris_and_digits_have_the_published_scores() -> None:
    found = {}
    for name, (x, y) in {"iris": load_iris(return_X_y=True), "digits": load_digits(return_X_y=True)}.items():
        moments = gather(x, None, y)
        found[name] = (float(evidence(moments, Basis.of(moments)).values.mean()), h_score(moments))
    assert found["iris"] == pytest.approx((-0.16006022, 1.17784248), abs=1e-7)  # single precision in transformer-ranker
    assert found["digits"][1] == pytest.approx(5.851432998, abs=1e-8)


def test_a_regression_has_the_exact_evidence_too() -> None:
    x, y = load_digits(return_X_y=True)
    x, numbers = x[:200], (y[:200, None] - 4.5).astype(np.float64)
    moments = gather(x, numbers)
    found = evidence(moments, Basis.of(moments))
    assert found.values[0] == pytest.approx(exact(x, numbers[:, 0], found.alpha[0], found.beta[0]), abs=1e-9)


def test_sums_of_parts_are_those_of_the_whole() -> None:
    x, classes = np.random.default_rng(1).normal(size=(90, 6)), classes_of(90, 4)
    whole, parts = (
        gather(x, None, classes),
        gather(x[:50], None, classes[:50]).merged(gather(x[50:], None, classes[50:])),
    )
    for name in Moments.__slots__:
        assert getattr(parts, name) == pytest.approx(getattr(whole, name))


def test_leave_one_out_answers_are_those_of_models_that_never_saw_the_row() -> None:
    """Refitted for each row with scikit-learn, at the penalty that the closed form chose."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(25, 4)) + 3.0
    y = (x @ rng.normal(size=(4, 2))) + rng.normal(size=(25, 2))
    moments = gather(x, y)
    found = alone(x, y, moments, Basis.of(moments))
    unit = float(x.var(axis=0).mean()) * len(x)
    refitted = [
        np.stack(
            [
                Ridge(alpha=penalty * unit).fit(np.delete(x, n, 0), np.delete(y, n, 0)).predict(x[n : n + 1])[0]
                for n in range(25)
            ]
        )
        for penalty in np.logspace(-6, 2, 9)
    ]
    best = min(refitted, key=lambda answers: float(((answers - y) ** 2).sum()))
    assert found == pytest.approx(best, abs=1e-8)


@pytest.mark.parametrize("columns", [4, 60])
def test_the_answer_to_a_word_is_that_of_a_model_that_saw_nothing_of_its_sentence(columns: int) -> None:
    draw = np.random.default_rng(5)
    x, groups = draw.normal(size=(40, columns)), np.repeat(np.arange(10), 4)[draw.permutation(40)]
    y = one_hot(classes_of(40, 3))
    moments = gather(x, y)
    found = alone(x, y, moments, Basis.of(moments), groups)
    spread = float(np.trace(moments.gram)) / 40 - float(moments.mean @ moments.mean)
    unit, best = spread / columns * 40, np.inf
    for penalty in np.logspace(-6, 2, 9) * unit:
        answers = np.empty_like(y)
        for group in range(10):
            out = groups == group
            answers[out] = Ridge(alpha=penalty).fit(x[~out], y[~out]).predict(x[out])
        best = min(best, float(((y - answers) ** 2).sum()))
    assert float(((y - found) ** 2).sum()) == pytest.approx(best, rel=1e-5)
    places, _ = nearest(x, groups=groups)
    assert not (groups[places] == groups[:, None]).any()


def test_a_row_is_never_its_own_neighbour_and_ties_go_to_the_nearest_class() -> None:
    x = np.array([[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [0.0, 1.0], [0.1, 1.0]])
    places, _ = nearest(x, k=2)
    assert all(number not in row for number, row in enumerate(places))
    assert majority(np.array([0, 1, 1, 2, 2]), places).tolist()[0] == 1
    by_distance, _ = nearest(np.array([[0.0], [1.0], [10.0]]), k=1, cosine=False)
    assert by_distance.tolist() == [[1], [0], [1]]


def test_a_head_that_names_the_new_classes_scores_best_and_one_that_knows_nothing_scores_chance() -> None:
    classes = classes_of(60, 3)
    sure, blank = one_hot(classes), np.full((60, 3), 1 / 3)
    assert leep(sure, classes) == pytest.approx(0.0)
    assert nce(sure, classes) == pytest.approx(0.0)
    assert leep(blank, classes) == pytest.approx(np.log(1 / 3))
    assert nce(np.eye(3)[[0] * 60], classes) == pytest.approx(np.log(1 / 3))
    silent = np.concatenate([sure, np.zeros((60, 1))], axis=1)  # a source class without any weight
    assert leep(silent, classes) == pytest.approx(0.0)


def sample(targets: Sequence[float] | Matrix, labels: LabelKind, *, signal: float = 2.0) -> Sample:
    y = np.asarray(targets, dtype=np.float64)
    columns = one_hot(y.astype(np.int64)) if labels is LabelKind.CLASS else y.reshape(len(y), -1)
    rng = np.random.default_rng(0)
    x = signal * columns @ rng.normal(size=(columns.shape[1], 8)) + rng.normal(size=(len(y), 8))
    return Sample(x.astype(np.float32), y, labels)


def many() -> Matrix:
    return (np.random.default_rng(2).random((80, 3)) < 0.4).astype(np.float64)


@pytest.mark.parametrize(
    ("targets", "labels"),
    [
        (classes_of(80, 4).astype(np.float64), LabelKind.CLASS),
        (np.random.default_rng(1).normal(size=80), LabelKind.NUMBER),
        (many(), LabelKind.MANY),
    ],
    ids=["classes", "numbers", "several classes a row"],
)
def test_features_that_carry_the_labels_score_above_features_that_do_not(targets: Matrix, labels: LabelKind) -> None:
    scorer = StandardScorer()
    good, bad = scorer.scores(sample(targets, labels)), scorer.scores(sample(targets, labels, signal=0.0))
    assert set(good) == set(scorer.names) - {"_leep", "_nce"} - (
        {"h_score"} if labels is not LabelKind.CLASS else set()
    )
    assert all(good[name].value > bad[name].value for name in good)
    assert good["probe"].rows is not None
    assert good["probe"].value == pytest.approx(float(good["probe"].rows.mean()))


def test_a_head_is_scored_beside_the_features_and_one_with_a_single_class_says_nothing() -> None:
    one = sample(classes_of(60, 3).astype(np.float64), LabelKind.CLASS)
    answers = np.random.default_rng(2).dirichlet([1.0] * 5, size=60).astype(np.float32)
    found = StandardScorer().scores(replace(one, answers=answers))
    classes = one.targets.astype(np.int64)
    assert found["_leep"].value == pytest.approx(leep(answers.astype(np.float64), classes))
    assert found["_nce"].value == pytest.approx(nce(answers.astype(np.float64), classes))
    assert found.keys() - StandardScorer().scores(one).keys() == {"_leep", "_nce"}
    assert "_leep" not in StandardScorer().scores(replace(one, answers=np.ones((60, 1), dtype=np.float32)))


def test_features_that_cannot_be_scored_are_refused_with_the_reason() -> None:
    scorer, fine = StandardScorer(), sample(classes_of(30, 2).astype(np.float64), LabelKind.CLASS)
    holed = fine.features.copy()
    holed[3, 2] = np.nan
    with pytest.raises(BadDataError, match="not finite"):
        scorer.scores(Sample(holed, fine.targets, LabelKind.CLASS))
    with pytest.raises(BadDataError, match="one class"):
        scorer.scores(Sample(fine.features, np.zeros(30), LabelKind.CLASS))
    with pytest.raises(BadDataError, match="too few"):
        scorer.scores(Sample(fine.features[:2], fine.targets[:2], LabelKind.CLASS))


def test_constant_features_score_no_better_than_the_commonest_class() -> None:
    classes = np.array([0.0] * 20 + [1.0] * 10)
    found = StandardScorer().scores(Sample(np.ones((30, 5), dtype=np.float32), classes, LabelKind.CLASS))
    assert found["probe"].value <= 20 / 30
    assert found["h_score"].value == 0.0


def test_weighted_tau_is_that_of_scipy() -> None:
    from registry.domain.selection.agreement import weighted_tau

    rng = np.random.default_rng(4)
    for _ in range(20):
        x, y = rng.integers(0, 6, size=9).tolist(), rng.integers(0, 6, size=9).tolist()
        assert weighted_tau(x, y) == pytest.approx(float(weightedtau(x, y).statistic))
