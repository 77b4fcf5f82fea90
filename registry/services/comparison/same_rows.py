"""Two versions by their answers to the same test rows: how much better one is, with an interval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from registry.domain.cascade.run import Compared
from registry.domain.catalog.models import VersionDetail
from registry.domain.comparison.statistics.exact import flip_test
from registry.domain.names import VersionRef
from registry.domain.selection.differences import interval
from registry.services.artifacts.storing import write_files
from registry.services.comparison.baselines import PREDICTIONS
from registry.services.context import Context
from registry.services.lookup import found


def compare(context: Context, old: VersionRef, new: VersionRef, folder: Path) -> Compared | str:
    """The comparison, or why there is none, as the end of a sentence. `folder` is a new one for their answers."""
    folder.mkdir()
    documents = []
    for number, ref in enumerate((old, new)):
        with context.read() as uow:
            detail = found(uow.catalog.version(ref), ref)
        document = _answers(context, detail, folder / str(number))
        if document is None:
            return f"{ref.label} has no answers to test rows on record"
        documents.append(document)
    before, now = documents
    rows = [{row["key"]: row for row in one["rows"]} for one in documents]
    if (before["data"], before["split"]) != (now["data"], now["split"]) or rows[0].keys() != rows[1].keys():
        return "the two were tested on other rows"
    errors = np.array([[_error(side[key]) for key in rows[0]] for side in rows])
    gain = errors[0] - errors[1]
    numbers = not isinstance(before["rows"][0]["prediction"], str | list)
    means = errors.mean(axis=1) if numbers else 1.0 - errors.mean(axis=1)
    p = None if numbers else flip_test(gain.astype(np.int64)).p
    return Compared(len(gain), float(means[0]), float(means[1]), interval(gain), p)


def _answers(context: Context, detail: VersionDetail, folder: Path) -> Mapping[str, Any] | None:
    files = [file for file in detail.files if file.path == PREDICTIONS]
    if not files:
        return None
    folder.mkdir()
    write_files(context, detail.summary.ref, tuple(files), folder)
    try:
        document: Mapping[str, Any] = json.loads((folder / PREDICTIONS).read_bytes())
    except (ValueError, RecursionError):
        return None
    return document if _is_answers(document) else None


def _is_answers(document: object) -> bool:
    """Whether a file of that name is one of ours: an imported model may bring any."""
    if not isinstance(document, dict) or not isinstance(rows := document.get("rows"), list) or not rows:
        return False
    return {"data", "split"} <= document.keys() and all(
        isinstance(row, dict) and {"key", "label", "prediction"} <= row.keys() for row in rows
    )


def _error(row: Mapping[str, Any]) -> float:
    """0 or 1 for classes (all of a row's classes, or tags, must be right), for numbers the distance."""
    label, answer = row["label"] or "", row["prediction"]
    if isinstance(answer, str):
        return float(answer != label)
    if isinstance(answer, list):
        tags, classes = label.split(), set(filter(None, label.split("|")))  # names of classes may have spaces
        return float(answer != tags and set(answer) != classes)
    return abs(float(answer) - float(label))
