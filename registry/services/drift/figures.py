"""The tests of a drift check, from features, answers and labels to findings and plots."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from operator import eq

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.two_samples import Floats, discrepancy, shift, told_apart
from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.data.labels import classes_of
from registry.domain.drift.distributions import carried_apart, columns_apart, stability_index, stability_of_counts
from registry.domain.drift.label_shift import Estimate
from registry.domain.drift.report import DROP, LEVEL, WORDS, Finding, Histogram, Performance, Share, Stream
from registry.domain.drift.streams import adaptive_window, page_hinkley
from registry.services.drift.asking import Answered

_BINS, _PLOTTED, _SHARES = 20, 3, 20
_Z = 1.959963984540054
SEVERAL = frozenset({LabelKind.MANY, LabelKind.TAGS})
"""Kinds of labels of which a row has several."""
KS = "Kolmogorov-Smirnov, Holm"


def of_features(x: Floats, y: Floats, seed: int) -> Iterator[Finding]:
    """Each feature by itself, and all of them together."""
    yield _columns("features", x, y, [f"feature {n + 1}" for n in range(x.shape[1])])
    told, apart = told_apart(x, y, seed=seed), discrepancy(x, y, seed=seed)
    interval = f"[{told.auc.low:.2f}, {told.auc.high:.2f}]"
    yield Finding("embeddings", "classifier (C2ST)", told.auc.value, "AUC", p=told.p, detail=interval)
    kind = "MMD², random features" if apart.linear else "MMD², permutation"
    yield Finding("embeddings", kind, apart.value, "MMD²", p=apart.p, auc=told.auc.value)


def of_answers(before: Answered, now: Answered, labels: LabelKind, seed: int) -> Iterator[Finding]:
    """The outputs by themselves and, of classes, how often each was the answer."""
    names = [f"class {name}" for name in before.classes] or ["prediction"]
    yield _columns("outputs", before.outputs, now.outputs, names)
    if labels is LabelKind.CLASS and before.classes:
        yield _classes("predicted classes", before.answers, now.answers, seed)
    if labels in SEVERAL:
        yield _carried("predicted classes", _listed_all(before.answers), _listed_all(now.answers), labels, seed)


def of_labels(before: Sequence[Row], now: Sequence[Row], labels: LabelKind, seed: int) -> Finding:
    """How often each class is the label, or among the labels."""
    if labels in SEVERAL:
        one, other = ([classes_of(row.label, labels) for row in rows] for rows in (before, now))
        return _carried("labels", one, other, labels, seed)
    return _classes("labels", [row.label for row in before], [row.label for row in now], seed)


def _columns(what: str, x: Floats, y: Floats, names: Sequence[str]) -> Finding:
    found = columns_apart(x, y)
    place = int(found.distance.argmax())
    moved = int((found.adjusted <= LEVEL).sum())
    detail = f"{names[place]} the most, {moved} of {len(names)} beyond chance" if len(names) > 1 else ""
    return Finding(what, KS, float(found.distance[place]), "D", p=found.p, detail=detail)


def _classes(what: str, before: Sequence[object], now: Sequence[object], seed: int) -> Finding:
    one, other = counts_of(before, now)
    found = shift(one, other, seed=seed)
    index = f"PSI {stability_of_counts(one, other):.2f}"
    return Finding(what, "chi-squared", found.effect, "V", p=found.p, detail=index)


def _carried(
    what: str, before: Sequence[Sequence[str]], now: Sequence[Sequence[str]], labels: LabelKind, seed: int
) -> Finding:
    """Of rows with several classes: in which share of the rows (of the words of a row, for tags) each is."""
    names = sorted({name for row in (*before, *now) for name in row}) or [""]
    found = carried_apart(_parts(before, names, labels), _parts(now, names, labels), seed=seed)
    detail = f"{names[found.column]} the most of {len(names)}" if len(names) > 1 else ""
    return Finding(what, "permutation of rows", found.effect, "V", p=found.p, detail=detail)


def _parts(rows: Sequence[Sequence[str]], names: Sequence[str], labels: LabelKind) -> Floats:
    """By row and name: of several classes whether the row has it, of tags the share of its words that have it."""
    place, found = {name: n for n, name in enumerate(names)}, np.zeros((len(rows), len(names)))
    for line, row in enumerate(rows):
        for name in row:
            found[line, place[name]] += 1.0
    if labels is LabelKind.TAGS:
        shares: Floats = found / np.maximum(1.0, found.sum(axis=1, keepdims=True))
        return shares
    return np.minimum(found, 1.0)


def counts_of(before: Sequence[object], now: Sequence[object]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each value is there, in order of name."""
    one, other = Counter(map(str, before)), Counter(map(str, now))
    names = sorted(one.keys() | other.keys())
    return np.array([one[name] for name in names]), np.array([other[name] for name in names])


def errors_of(rows: Sequence[Row], answers: Sequence[object], labels: LabelKind) -> Floats:
    """How wrong each answer is: 0 or 1 for classes (all of a row's classes must be right), else the distance.

    For tags it is the share of the words of a row with a wrong tag or, where a text was cut off, none.
    """
    if labels is LabelKind.NUMBER:
        return np.array([abs(float(str(a)) - float(row.label or "nan")) for row, a in zip(rows, answers, strict=True)])
    if labels is LabelKind.MANY:
        pairs = zip(rows, answers, strict=True)
        return np.array([float(set(classes_of(row.label, labels)) != set(_listed(a))) for row, a in pairs])
    if labels is LabelKind.TAGS:
        every = [(classes_of(row.label, labels), _words(a)) for row, a in zip(rows, answers, strict=True)]
        return np.array([1.0 - sum(map(eq, true, said)) / max(1, len(true)) for true, said in every])
    return np.array([float(row.label != a) for row, a in zip(rows, answers, strict=True)])


def _words(answer: object) -> Sequence[object]:
    return answer if isinstance(answer, list | tuple) else ()


def _listed(answer: object) -> Sequence[str]:
    """Its classes; words that were cut off have none."""
    return [str(one) for one in _words(answer) if one is not None]


def _listed_all(answers: Sequence[object]) -> list[Sequence[str]]:
    return [_listed(one) for one in answers]


def performance(before: Floats, now: Floats, labels: LabelKind, deviation: float) -> Performance:
    """How much worse the answers are now, from the errors by row; `deviation` is that of the reference's numbers."""
    if labels in {LabelKind.NUMBER, LabelKind.TAGS}:  # means over rows; the words of a row depend on one another
        scale = (deviation or 1.0) if labels is LabelKind.NUMBER else 1.0
        drop = (now.mean() - before.mean()) / scale
        half = _Z * math.sqrt(before.var(ddof=1) / len(before) + now.var(ddof=1) / len(now)) / scale
        interval = Interval(float(drop), float(drop - half), float(drop + half))
        values = float(before.mean()), float(now.mean())
        if labels is LabelKind.TAGS:
            values, moved = (1 - values[0], 1 - values[1]), interval.low > 0 and interval.value >= DROP
            return Performance(WORDS, *values, interval, moved)
        return Performance("mean absolute error", *values, interval, interval.low > 0 and interval.value >= DROP)
    interval = difference(len(before), int(before.sum()), len(now), int(now.sum()))
    moved = interval.low > 0 and interval.value >= DROP
    return Performance("accuracy", float(1 - before.mean()), float(1 - now.mean()), interval, moved)


def difference(rows: int, wrong: int, others: int, other_wrong: int) -> Interval:
    """How much larger the second share is, with Newcombe's 95 % interval from Wilson scores (1998, method 10)."""
    (one, low, high), (two, other_low, other_high) = _wilson(rows, wrong), _wilson(others, other_wrong)
    gap = two - one
    down = math.sqrt((two - other_low) ** 2 + (high - one) ** 2)
    up = math.sqrt((other_high - two) ** 2 + (one - low) ** 2)
    return Interval(gap, gap - down, gap + up)


def _wilson(rows: int, hits: int) -> tuple[float, float, float]:
    share, square = hits / rows, _Z**2
    middle, half = share + square / (2 * rows), _Z * math.sqrt(share * (1 - share) / rows + square / (4 * rows**2))
    return share, (middle - half) / (1 + square / rows), (middle + half) / (1 + square / rows)


def streams(before: Floats, now: Floats, seed: int) -> tuple[Stream, ...]:
    """Where the errors changed: the reference first, then the rows now, in order of key."""
    errors = np.concatenate([before, now])
    scaled = errors / (errors.max() or 1.0)
    _, p, row = page_hinkley(scaled, seed=seed)
    chance, cuts = adaptive_window(scaled, seed=seed)
    risen = max(0, row - len(before)) if p <= LEVEL else None
    changed = max(0, cuts[0] - len(before)) if cuts else None
    return (Stream("Page-Hinkley", risen, p), Stream("ADWIN", changed, chance))


def shares(before: Answered, now: Answered, labels: LabelKind, estimate: Estimate | None) -> tuple[Share, ...]:
    """How often each class was the answer or part of it; of many classes those that changed the most."""
    if not before.classes:
        return ()
    wide = [
        _parts(
            _listed_all(side.answers) if labels in SEVERAL else [(str(a),) for a in side.answers], side.classes, labels
        )
        for side in (before, now)
    ]
    one, other = ({n: float(v) for n, v in zip(before.classes, part.mean(axis=0), strict=True)} for part in wide)
    true = dict(zip(before.classes, estimate.shares.tolist(), strict=True)) if estimate is not None else {}
    found = [Share(name, one[name], other[name], true.get(name)) for name in before.classes]
    found.sort(key=lambda share: -abs(share.now - share.before))
    return tuple(found[:_SHARES])


def histograms(
    features: tuple[Floats, Floats] | None, answers: tuple[Answered, Answered] | None, labels: LabelKind
) -> tuple[Histogram, ...]:
    """The confidence or the prediction, and the features that moved the most."""
    found = []
    if answers is not None:
        before, now = (one.outputs for one in answers)
        if labels is LabelKind.TAGS:
            found.append(_histogram("mean chance of the likeliest tag of a text", before.max(axis=1), now.max(axis=1)))
        elif labels is LabelKind.NUMBER:
            found.append(_histogram("prediction", before[:, 0], now[:, 0]))
        else:
            found.append(_histogram("confidence", before.max(axis=1), now.max(axis=1)))
    if features is not None:
        x, y = features
        order = np.argsort(-columns_apart(x, y).distance, kind="stable")[:_PLOTTED]
        found += [_histogram(f"feature {n + 1}", x[:, n], y[:, n]) for n in order.tolist()]
    return tuple(found)


def _histogram(name: str, before: Floats, now: Floats) -> Histogram:
    every = np.concatenate([before, now])
    low, high = float(every.min()), float(every.max())
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    parts = [tuple((np.histogram(part, edges)[0] / len(part)).tolist()) for part in (before, now)]
    return Histogram(name, float(edges[0]), float(edges[-1]), parts[0], parts[1], stability_index(before, now))
