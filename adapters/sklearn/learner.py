"""A linear model on TF-IDF for texts, on pixels for pictures: logistic regression, or ridge regression for numbers.

The penalty is chosen by three-fold cross-validation on training rows. Nothing here is random, so the same rows give the
same answers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MultiLabelBinarizer, StandardScaler

from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.inputs.row_texts import text_of
from adapters.loop.failures import only_registry_errors
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.data.labels import classes_of
from registry.errors import InvalidError
from registry.ports.classical import ClassicalAnswers
from registry.ports.transfers import DataInput

SIDE = 32
"""Pixels per side that pictures are scaled to: a linear model on more of them learns noise."""
MOST_ROWS = 10_000
"""Training rows that are used; of more, so many are drawn evenly."""
FOLDS, WIDTH = 3, 300
PENALTIES: Mapping[str, tuple[float, ...]] = {"TF-IDF": (0.01, 0.1, 1.0, 10.0), "pixels": (1.0, 10.0, 100.0, 1000.0)}
"""Tried by cross-validation, for each kind of features: that on |W|²/2 beside the sum of the losses (1/C)."""
PLAIN = Preprocess(SIDE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class SklearnClassical:
    """Linear models of scikit-learn."""

    def answer(self, train: DataInput, test: DataInput) -> ClassicalAnswers:
        """Learn from `train` and answer `test`.

        Raises: InvalidError for labels of single words and for data other than texts and pictures; BadDataError,
        AdapterError.
        """
        with only_registry_errors("sklearn"):
            return self._answer(train, test)

    def features(self, data: DataInput) -> tuple[str, NDArray[np.float32]]:
        """TF-IDF or standardised pixels of the chosen rows.

        TF-IDF is given in a basis of as many dimensions as there are rows, in which it has the same inner products.
        Where each word has a tag, there is a row for each word: itself, its form, its endings and its neighbours.
        """
        with only_registry_errors("sklearn"):
            _refuse_unread(data)
            if data.labels is LabelKind.TAGS:
                return "words and their neighbours", _word_features(data)
            words = data.modality is Modality.TEXT
            found = _features(words).fit_transform(_seen(sorted(data.chosen, key=lambda row: row.key), data))
            if not words:
                return "pixels", np.asarray(found, dtype=np.float32)
            values, vectors = np.linalg.eigh((found @ found.T).toarray())
            return "TF-IDF", (vectors * np.sqrt(np.maximum(values, 0.0))).astype(np.float32)

    def _answer(self, train: DataInput, test: DataInput) -> ClassicalAnswers:
        kind = train.labels
        if kind not in {LabelKind.CLASS, LabelKind.MANY, LabelKind.NUMBER}:
            raise InvalidError(f"No classical model here learns labels of the kind {kind.value}")
        _refuse_unread(train)
        rows = _some(sorted(train.chosen, key=lambda row: row.key))
        words = train.modality is Modality.TEXT
        features = "TF-IDF" if words else "pixels"
        x, tested = _seen(rows, train), _seen(sorted(test.chosen, key=lambda row: row.key), test)
        binarizer = MultiLabelBinarizer()
        y = _targets(rows, kind, binarizer)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a pixel or a class that never varies, a fit that stops early: no faults
            search = GridSearchCV(
                Pipeline([("features", _features(words)), ("model", _model(kind))]),
                {_strength(kind): [_setting(kind, one) for one in PENALTIES[features]]},
                cv=_folds(y, kind),
                error_score="raise",
            )
            found = search.fit(x, y)
            answers = found.predict(tested)
        return ClassicalAnswers(
            tuple(_answers(answers, kind, binarizer)),
            {
                "model": f"{'ridge' if kind is LabelKind.NUMBER else 'logistic'} regression on {features}",
                "penalty": _setting(kind, float(next(iter(found.best_params_.values())))),
                "train_rows": len(rows),
                "library": f"scikit-learn {version('scikit-learn')}",
            },
        )


def _word_features(data: DataInput) -> NDArray[np.float32]:
    """Of each word of the chosen rows what a linear tagger reads (words x D), in at most `WIDTH` directions."""
    described = [
        " ".join(_described(text_of(row, data).split(), n)) for row in _in_order(data) for n in _places(row, data)
    ]
    found = TfidfVectorizer(analyzer=str.split, sublinear_tf=True).fit_transform(described)
    if min(found.shape) <= WIDTH:
        return np.asarray(found.toarray(), dtype=np.float32)
    return np.asarray(TruncatedSVD(WIDTH, random_state=0).fit_transform(found), dtype=np.float32)


def _in_order(data: DataInput) -> list[Row]:
    return sorted(data.chosen, key=lambda row: row.key)


def _places(row: Row, data: DataInput) -> range:
    return range(len(text_of(row, data).split()))


def _described(words: Sequence[str], place: int) -> Iterator[str]:
    """A word as tokens: Ratnaparkhi (EMNLP 1996) reads about these of it."""
    word = words[place]
    shape = "".join("A" if c.isupper() else "a" if c.islower() else "9" if c.isdigit() else c for c in word)
    yield from (f"word={word}", f"low={word.lower()}", f"form={shape[:6]}")
    yield from (f"end{n}={word[-n:].lower()}" for n in (2, 3))
    yield f"before={words[place - 1].lower() if place else '<'}"
    yield f"after={words[place + 1].lower() if place + 1 < len(words) else '>'}"


def _refuse_unread(data: DataInput) -> None:
    """Raises: InvalidError."""
    if data.modality not in {Modality.TEXT, Modality.IMAGE}:
        raise InvalidError(f"No classical model here reads {data.modality} data")


def _some(rows: Sequence[Row]) -> list[Row]:
    if len(rows) <= MOST_ROWS:
        return list(rows)
    return [rows[n] for n in np.sort(np.random.default_rng(0).permutation(len(rows))[:MOST_ROWS]).tolist()]


def _seen(rows: Sequence[Row], data: DataInput) -> Any:
    """The texts of `rows`, or their pixels (N x D) from 0 to 1."""
    if data.modality is Modality.TEXT:
        return [text_of(row, data) for row in rows]
    pictures = read_images(rows, data, PLAIN)
    return pictures.batch(np.arange(len(rows), dtype=np.int64)).numpy().reshape(len(rows), -1)


def _targets(rows: Sequence[Row], kind: LabelKind, binarizer: Any) -> NDArray[Any]:
    labels = [row.label or "" for row in rows]
    if kind is LabelKind.NUMBER:
        return np.array([float(label) for label in labels])
    if kind is LabelKind.MANY:
        found: NDArray[Any] = binarizer.fit_transform([classes_of(label, kind) for label in labels])
        return found
    return np.array(labels)


def _features(words: bool) -> Any:
    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True) if words else StandardScaler()


def _model(kind: LabelKind) -> Any:
    if kind is LabelKind.NUMBER:
        return Ridge()
    model = LogisticRegression(max_iter=300)
    return OneVsRestClassifier(model) if kind is LabelKind.MANY else model


def _strength(kind: LabelKind) -> str:
    """The name of the model's penalty in the pipeline."""
    return {LabelKind.NUMBER: "model__alpha", LabelKind.MANY: "model__estimator__C"}.get(kind, "model__C")


def _setting(kind: LabelKind, penalty: float) -> float:
    """A penalty as the model takes it, and back: logistic regression takes its inverse."""
    return penalty if kind is LabelKind.NUMBER else 1.0 / penalty


def _folds(y: NDArray[Any], kind: LabelKind) -> Any:
    if kind is not LabelKind.CLASS:
        return KFold(min(FOLDS, len(y)), shuffle=True, random_state=0)
    most = int(np.unique(y, return_counts=True)[1].max())  # rows of a class: fewer than folds leave some without it
    return StratifiedKFold(max(2, min(FOLDS, most)), shuffle=True, random_state=0)


def _answers(found: NDArray[Any], kind: LabelKind, binarizer: Any) -> list[object]:
    if kind is LabelKind.NUMBER:
        return [float(one) for one in found]
    if kind is LabelKind.MANY:
        return [list(names) for names in binarizer.inverse_transform(found)]
    return [str(one) for one in found]
