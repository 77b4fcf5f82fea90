"""From stored answers to the verdict: which metric, which slices, for each kind of label.

The metric is the first of the recipe's that answers alone can give (a loss needs probabilities), else the usual one of
the kind of label. Slices are the classes that test rows have; of numbers the quarters of their range.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.answers import SAME_AS, Arms, TestRows
from registry.domain.comparison.arms import Arm, Measure
from registry.domain.comparison.judging import judge
from registry.domain.comparison.statistics import tallies
from registry.domain.comparison.statistics.tallies import Floats, Tally
from registry.domain.comparison.validity import BROKEN, CONSTANT, fault
from registry.domain.comparison.verdict import RULE, ArmKind, TransferVerdict
from registry.domain.data.datasets import LabelKind
from registry.domain.data.labels import check_test_rows, classes_of
from registry.domain.transfers.metrics import LESS_IS_BETTER
from registry.errors import InvalidError

Answers = Sequence[object]
Places = NDArray[np.int64]


class Reading(Protocol):
    """How one kind of label is compared."""

    @property
    def metrics(self) -> Mapping[str, Callable[[Answers], Tally]]:
        """By name what makes a tally of answers; the usual metric first."""
        ...

    @property
    def slice_metric(self) -> str: ...
    @property
    def unit(self) -> float:
        """What a margin of an error is a share of: 1, or how far numbers go apart."""
        ...

    def slices(self) -> Iterator[tuple[str, Places, Callable[[Answers], Tally]]]:
        """Name, items, and what makes a tally of all answers that holds these items only."""
        ...


def verdict_on(arms: Arms, *, rule: int = RULE) -> TransferVerdict:
    """The verdict that the answers give. Raises: InvalidError where the rows or labels cannot be compared.

    `rule` is the one of a verdict on record that is computed again.
    """
    found = reading_of(arms.rows)
    if rule > 1:
        check_test_rows(arms.rows.labels, arms.rows.truth)
    metric = next((name for name in arms.metrics if name in found.metrics), next(iter(found.metrics)))
    slices = list(found.slices())
    by_kind: dict[ArmKind, list[int]] = {}
    for number, answered in enumerate(arms.arms):
        by_kind.setdefault(answered.arm, []).append(number)
    compared = [
        Arm(
            kind=kind,
            seeds=tuple(arms.arms[n].seed for n in numbers),
            tallies=tuple(found.metrics[metric](arms.arms[n].answers) for n in numbers),
            points={name: tuple(tally(arms.arms[n].answers) for n in numbers) for name, _, tally in slices},
            broken=fault([arms.arms[n] for n in numbers], BROKEN),
            constant=fault([arms.arms[n] for n in numbers], CONSTANT),
            same=all(arms.arms[n].facts.get(SAME_AS) == ArmKind.TRANSFER for n in numbers),
        )
        for kind in ArmKind
        if (numbers := by_kind.get(kind))
    ]
    measure = Measure(
        metric=metric,
        higher_is_better=metric not in LESS_IS_BETTER,
        margin=arms.margin * found.unit if metric in LESS_IS_BETTER else arms.margin,
        slice_metric=found.slice_metric,
        slice_higher_is_better=found.slice_metric not in LESS_IS_BETTER,
        slices={name: places for name, places, _ in slices},
        published=arms.published,
        groups=np.unique(arms.rows.groups, return_inverse=True)[1] if arms.rows.groups else None,
        looks=arms.looks,
    )
    return judge(compared, measure, rule=rule)


def reading_of(rows: TestRows) -> Reading:
    """How answers to these rows are compared. Raises: InvalidError for labels of another kind."""
    reading = _READINGS.get(rows.labels)
    if reading is None:
        raise InvalidError(f"Answers to labels of kind {rows.labels} cannot be compared")
    return reading(rows)


@dataclass(frozen=True, slots=True)
class SingleLabel:
    """Each row has one class, and so has each answer."""

    rows: TestRows
    _rights: dict[int, tuple[Answers, NDArray[np.bool_]]] = field(default_factory=dict, repr=False, compare=False)
    """By `id` of answers: they, and which of them are right. Every slice asks again."""
    slice_metric = "accuracy"
    unit = 1.0

    @property
    def metrics(self) -> Mapping[str, Callable[[Answers], Tally]]:
        return {"accuracy": self._accuracy, "macro_f1": self._f1, "balanced_accuracy": self._balanced}

    def slices(self) -> Iterator[tuple[str, Places, Callable[[Answers], Tally]]]:
        truth = np.array(self.rows.truth, dtype=object)
        for name in sorted(set(self.rows.truth)):
            places = np.flatnonzero(truth == name)

            def tally(answers: Answers, places: Places = places) -> Tally:
                return tallies.share(self._right(answers)[places])

            yield f"class {name}", places, tally

    def _right(self, answers: Answers) -> NDArray[np.bool_]:
        if id(answers) not in self._rights:
            right = np.array([guess == true for guess, true in zip(answers, self.rows.truth, strict=True)])
            self._rights[id(answers)] = answers, right
        return self._rights[id(answers)][1]

    def _accuracy(self, answers: Answers) -> Tally:
        return tallies.share(self._right(answers))

    def _f1(self, answers: Answers) -> Tally:
        return tallies.macro_f1(*self._tables(answers))

    def _balanced(self, answers: Answers) -> Tally:
        return tallies.balanced_accuracy(*self._tables(answers))

    def _tables(self, answers: Answers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        answered = [str(answer) for answer in answers]
        number = {name: n for n, name in enumerate(sorted({*self.rows.truth, *answered}))}
        truth, guess = (np.array([number[name] for name in names]) for names in (self.rows.truth, answered))
        return tallies.one_hot(truth, len(number)), tallies.one_hot(guess, len(number))


@dataclass(frozen=True, slots=True)
class MultiLabel:
    """Each row has any number of classes, and so has each answer."""

    rows: TestRows
    slice_metric = "recall"
    unit = 1.0

    @property
    def metrics(self) -> Mapping[str, Callable[[Answers], Tally]]:
        return {"macro_f1": self._macro, "micro_f1": self._micro, "subset_accuracy": self._subset}

    def slices(self) -> Iterator[tuple[str, Places, Callable[[Answers], Tally]]]:
        truth = self._truth()
        for name in sorted(set().union(*truth)):
            places = np.array([n for n, names in enumerate(truth) if name in names], dtype=np.int64)

            def tally(answers: Answers, name: str = name, places: Places = places) -> Tally:
                answered = _sets(answers)
                return tallies.share(np.array([name in answered[n] for n in places]))

            yield f"class {name}", places, tally

    def _truth(self) -> list[frozenset[str]]:
        return [frozenset(classes_of(label, LabelKind.MANY)) for label in self.rows.truth]

    def _macro(self, answers: Answers) -> Tally:
        return tallies.macro_f1(*self._tables(answers))

    def _micro(self, answers: Answers) -> Tally:
        return tallies.micro_f1(*self._tables(answers))

    def _subset(self, answers: Answers) -> Tally:
        pairs = zip(_sets(answers), self._truth(), strict=True)
        return tallies.share(np.array([guess == true for guess, true in pairs]))

    def _tables(self, answers: Answers) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        truth, answered = self._truth(), _sets(answers)
        names = sorted(set().union(*truth, *answered)) or [""]
        true, guess = (np.array([[name in row for name in names] for row in rows]) for rows in (truth, answered))
        return true, guess


@dataclass(frozen=True, slots=True)
class Regression:
    """Each row has a number, and so has each answer."""

    rows: TestRows
    slice_metric = "mae"

    @property
    def unit(self) -> float:
        return float(self._truth().std())

    @property
    def metrics(self) -> Mapping[str, Callable[[Answers], Tally]]:
        return {
            "mae": lambda answers: tallies.mean(np.abs(self._errors(answers))),
            "rmse": lambda answers: tallies.root_mean_square(self._errors(answers)),
            "mse": lambda answers: tallies.mean(self._errors(answers) ** 2),
            "r2": lambda answers: tallies.r2(self._truth(), _numbers(answers)),
            "pearson": lambda answers: tallies.pearson(self._truth(), _numbers(answers)),
        }

    def slices(self) -> Iterator[tuple[str, Places, Callable[[Answers], Tally]]]:
        """The quarters of the labels; fewer where many are alike."""
        truth = self._truth()
        edges = np.unique(np.quantile(truth, [0, 0.25, 0.5, 0.75, 1]))
        for n, (low, high) in enumerate(pairwise(edges)):
            places = np.flatnonzero(((truth >= low) if n == 0 else (truth > low)) & (truth <= high))

            def tally(answers: Answers, places: Places = places) -> Tally:
                return tallies.mean(np.abs(self._errors(answers))[places])

            yield f"label {low:g} to {high:g}", places, tally

    def _truth(self) -> Floats:
        return np.array([float(label) for label in self.rows.truth])

    def _errors(self, answers: Answers) -> Floats:
        return _numbers(answers) - self._truth()


@dataclass(frozen=True, slots=True)
class Tags:
    """Each word of a row has a class; an item is a row, for its words depend on one another."""

    rows: TestRows
    slice_metric = "accuracy"
    unit = 1.0

    @property
    def metrics(self) -> Mapping[str, Callable[[Answers], Tally]]:
        return {"accuracy": self._accuracy, "macro_f1": self._f1}

    def slices(self) -> Iterator[tuple[str, Places, Callable[[Answers], Tally]]]:
        truth = _tags(self.rows.truth)
        for name in sorted({tag for tags in truth for tag in tags}):
            places = np.array([n for n, tags in enumerate(truth) if name in tags], dtype=np.int64)

            def tally(answers: Answers, name: str = name, places: Places = places) -> Tally:
                answered = _tags(answers)
                hits = [sum(s == t == name for s, t in zip(answered[n], truth[n], strict=False)) for n in places]
                return tallies.ratio(np.array(hits, dtype=float), np.array([truth[n].count(name) for n in places]))

            yield f"tag {name}", places, tally

    def _accuracy(self, answers: Answers) -> Tally:
        truth = _tags(self.rows.truth)
        pairs = zip(_tags(answers), truth, strict=True)
        right = [sum(s == t for s, t in zip(guess, true, strict=False)) for guess, true in pairs]
        return tallies.ratio(np.array(right, dtype=float), np.array([len(true) for true in truth]))

    def _f1(self, answers: Answers) -> Tally:
        truth, answered = _tags(self.rows.truth), _tags(answers)
        names = sorted({tag for tags in (*truth, *answered) for tag in tags})
        hits, both = np.zeros((2, len(truth), len(names)))
        for n, (true, guess) in enumerate(zip(truth, answered, strict=True)):
            for column, name in enumerate(names):
                hits[n, column] = sum(s == t == name for s, t in zip(guess, true, strict=False))
                both[n, column] = true.count(name) + guess[: len(true)].count(name)
        return tallies.counted_f1(hits, both)


_READINGS: Mapping[LabelKind, Callable[[TestRows], Reading]] = {
    LabelKind.CLASS: SingleLabel,
    LabelKind.MANY: MultiLabel,
    LabelKind.NUMBER: Regression,
    LabelKind.TAGS: Tags,
}


def _sets(answers: Answers) -> list[frozenset[str]]:
    return [
        frozenset(str(name) for name in answer) if isinstance(answer, list | tuple) else frozenset({str(answer)})
        for answer in answers
    ]


def _numbers(answers: Answers) -> Floats:
    return np.array([float(str(answer)) for answer in answers])


def _tags(answers: Answers) -> list[list[str]]:
    return [[str(t) for t in a] if isinstance(a, list | tuple) else str(a).split() for a in answers]
