"""The output folder: the model as its library writes it, and what it answered to each test row."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from adapters.loop.checkpoints import sync
from adapters.loop.learner import Learner
from adapters.loop.metrics import Labels
from adapters.loop.roles import Role

PREDICTIONS = "predictions.json"


def publish(work: Path, learner: Learner, classes: Sequence[str], test: Role | None, guess: Labels | None) -> Path:
    """Write `work/output` whole: beside its place, synced, renamed. An older attempt's output is replaced."""
    final, draft = work / "output", work / ".output-draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    learner.save(draft, classes)
    if test is not None and guess is not None:
        (draft / PREDICTIONS).write_bytes(predictions(classes, test, guess))
    for path in sorted(draft.rglob("*")):
        sync(path)
    sync(draft)
    shutil.rmtree(final, ignore_errors=True)
    draft.rename(final)
    sync(work)
    return final


def predictions(classes: Sequence[str], test: Role, guess: Labels) -> bytes:
    """Per test row: key, label, prediction. Kept so that every later comparison can be recomputed without a GPU."""
    rows = [
        json.dumps({"key": row.key, "label": row.label, "prediction": classes[g]}, ensure_ascii=False)
        for row, g in zip(test.rows, guess.tolist(), strict=True)
    ]
    head = json.dumps(
        {
            "schema": "forebear/predictions/v1",
            "role": test.name,
            "data": str(test.data.digest),
            "split": test.data.split,
        }
    )
    return (head[:-1] + ', "rows": [\n' + ",\n".join(rows) + "\n]}\n").encode()
