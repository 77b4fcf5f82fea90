"""Token classification: one class for each word of a text. Labels, loss and metrics.

Targets are class numbers (N x W), W being the number of words of the longest text; shorter texts are padded with
`IGNORE_INDEX`. Outputs are N x V x C; V is smaller than W where texts were truncated. A word whose outputs are all zero
was truncated away and counts as wrong. Where every class is O, B-x or I-x, whole entities are counted too, as the
evaluation script of CoNLL-2003 counts them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.loop.tasks.labelled import IGNORE_INDEX, labelled, refuse_unknown_labels
from adapters.loop.tasks.metrics import SINGLE_LABEL_BASELINES, Labels, Logits, Metric, Targets, baseline_accuracy
from registry.domain.data.datasets import LabelKind, Row
from registry.errors import BadDataError
from registry.ports.transfers import DataInput

_BIO = re.compile(r"O|[BI]-.+")


@dataclass(frozen=True, slots=True)
class Tags:
    """One of `classes` for each word: softmax and cross-entropy over the words of the batch."""

    classes: tuple[str, ...]
    labels = LabelKind.TAGS
    baselines = SINGLE_LABEL_BASELINES

    @property
    def outputs(self) -> int:
        return len(self.classes)

    @property
    def metrics(self) -> Mapping[str, Metric]:
        entities = {"entity_f1": partial(entity_f1, self.classes)} if all(map(_BIO.fullmatch, self.classes)) else {}
        return {"accuracy": word_accuracy, "macro_f1": word_macro_f1, **entities, "loss": word_loss}

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        number = {label: n for n, label in enumerate(self.classes)}
        labels = [label.split() for label in labelled(name, data, rows)]
        refuse_unknown_labels(name, data, {tag for tags in labels for tag in tags} - number.keys())
        found = np.full((len(rows), max(map(len, labels))), IGNORE_INDEX, dtype=np.int64)
        for line, (row, tags) in enumerate(zip(rows, labels, strict=True)):
            if row.text is not None and len(row.text.split()) != len(tags):
                raise BadDataError(
                    f"Row {row.key} of {data.label} has {len(row.text.split())} words and {len(tags)} tags",
                    remedy="Give one tag for each word; words are separated by whitespace",
                )
            found[line, : len(tags)] = [number[tag] for tag in tags]
        return found

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        truth = targets[:, : outputs.shape[1]].masked_fill((outputs.detach() == 0).all(dim=-1), IGNORE_INDEX)
        total = F.cross_entropy(outputs.flatten(0, 1), truth.flatten(), ignore_index=IGNORE_INDEX, reduction="sum")
        return total / (truth != IGNORE_INDEX).sum().clamp(min=1)

    def in_label_units(self, outputs: Logits) -> Logits:
        return outputs

    def fold_scale(self, last: nn.Linear) -> None:
        pass

    def baseline(self, train: Targets, truth: Targets) -> dict[str, float]:
        return {"baseline_accuracy": baseline_accuracy(train[train != IGNORE_INDEX], truth[truth != IGNORE_INDEX])}

    def prediction(self, output: NDArray[Any]) -> object:
        present: NDArray[Any] = np.asarray(output.any(axis=-1))
        last = int(np.flatnonzero(present)[-1]) + 1 if present.any() else 0
        return [
            self.classes[int(n)] if one else None for n, one in zip(output.argmax(-1)[:last], present, strict=False)
        ]


def tags_of(data: DataInput, rows: Sequence[Row], parent: Sequence[str] | None) -> Tags:
    """The task of training `rows`. Raises: BadDataError for fewer than two different tags."""
    found = {tag for label in labelled("train", data, rows) for tag in label.split()}
    if len(found) < 2:
        raise BadDataError(
            f"The split {data.split!r} of {data.label} has one tag only: {min(found, default='')!r}",
            remedy="Use data with two or more different tags",
        )
    return Tags(tuple(parent) if parent is not None and found == set(parent) else tuple(sorted(found)))


# --- metrics -------------------------------------------------------------------------------------------------------


def _words(truth: Targets, logits: Logits) -> tuple[Labels, Labels]:
    """The true and the predicted class of every word; the prediction is -1 for words that were truncated away."""
    predicted = np.full(truth.shape, -1, dtype=np.int64)
    answered = logits[:, : truth.shape[1]]
    predicted[:, : answered.shape[1]] = np.where(answered.any(axis=-1), answered.argmax(axis=-1), -1)
    there = truth != IGNORE_INDEX
    return truth[there], predicted[there]


def word_accuracy(truth: Targets, logits: Logits) -> float:
    """Share of words with the true class."""
    true, predicted = _words(truth, logits)
    return float(np.mean(true == predicted))


def word_macro_f1(truth: Targets, logits: Logits) -> float:
    """F1 averaged over the classes that occur in truth or predictions; a class never predicted correctly counts 0."""
    true, predicted = _words(truth, logits)
    classes = logits.shape[-1]
    hits = np.bincount(true[true == predicted], minlength=classes)
    both = np.bincount(true, minlength=classes) + np.bincount(predicted[predicted >= 0], minlength=classes)
    seen = both > 0
    return float(np.mean(2 * hits[seen] / both[seen]))


def word_loss(truth: Targets, logits: Logits) -> float:
    """Mean cross-entropy in nats over the words that were not truncated away, in float64."""
    answered = logits[:, : truth.shape[1]]
    there = (truth[:, : answered.shape[1]] != IGNORE_INDEX) & answered.any(axis=-1)
    wide, true = answered[there].astype(np.float64), truth[:, : answered.shape[1]][there]
    top = wide.max(axis=1)
    log_sum = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - wide[np.arange(len(true)), true]))


def entity_f1(classes: Sequence[str], truth: Targets, logits: Logits) -> float:
    """F1 of whole entities: kind, start and end must match; 1 if there are neither true nor predicted entities."""
    numbers = np.full(truth.shape, -1, dtype=np.int64)
    answered = logits[:, : truth.shape[1]]
    numbers[:, : answered.shape[1]] = np.where(answered.any(axis=-1), answered.argmax(axis=-1), -1)
    hits = both = 0
    for true, predicted in zip(truth, numbers, strict=True):
        count = int((true != IGNORE_INDEX).sum())
        one, two = (
            entities([classes[n] if n >= 0 else "O" for n in line[:count].tolist()]) for line in (true, predicted)
        )
        hits, both = hits + len(one & two), both + len(one) + len(two)
    return 2 * hits / both if both else 1.0


def entities(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    """(kind, start, end) of every entity. B- begins an entity; so does an I- that follows no tag of the same kind."""
    found, kind, start = set(), "", 0
    for place, tag in enumerate([*tags, "O"]):
        mark, _, own = tag.partition("-")
        if kind and (mark != "I" or own != kind):
            found.add((kind, start, place))
            kind = ""
        if not kind and mark in {"B", "I"}:
            kind, start = own, place
    return found
