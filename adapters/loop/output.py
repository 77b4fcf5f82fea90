"""The output folder: the model as its library writes it, and its prediction for each test row."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from adapters.loop.tasks.metrics import Logits
from adapters.loop.tasks.roles import Role
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.checkpoints import sync

PREDICTIONS, OUTPUTS = "predictions.json", "outputs.npy"


def publish(work: Path, save: Callable[[Path], None], files: Mapping[str, bytes]) -> Path:
    """Write `work/output` atomically: into a draft folder that is synced and then renamed. Replaces an earlier output.

    `save` writes the model into an empty folder; `files` are added to it.
    """
    final, draft = work / "output", work / ".output-draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save(draft)
    for name, body in files.items():
        (draft / name).write_bytes(body)
    for path in sorted(draft.rglob("*")):
        sync(path)
    sync(draft)
    shutil.rmtree(final, ignore_errors=True)
    draft.rename(final)
    sync(work)
    return final


def predictions(task: Task, test: Role, outputs: Logits) -> bytes:
    """Key, label and prediction of each test row, as JSON. Later comparisons are computed from these, without a GPU."""
    rows = [
        json.dumps({"key": row.key, "label": row.label, "prediction": task.prediction(output)}, ensure_ascii=False)
        for row, output in zip(test.rows, outputs, strict=True)
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


def array_file(outputs: Logits) -> bytes:
    """An array as NumPy writes it, in single precision."""
    file = io.BytesIO()
    np.save(file, np.asarray(outputs, dtype=np.float32), allow_pickle=False)
    return file.getvalue()
