"""A process of its own that loads pulled folders with transformers alone, and what it predicts for recorded rows."""

from __future__ import annotations

import atexit
import csv
import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np


class Stock:
    """The process. It knows nothing of this repository."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        script = str(Path(__file__).with_name("stock_reader.py"))
        self._process = subprocess.Popen(
            [sys.executable, "-I", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=self._folder.name
        )

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()
        self._folder.cleanup()

    def repeats(self, folder: Path, data: Path) -> tuple[list[str], list[str]]:
        """What the process predicts for the test rows, and the predictions recorded in `folder`.

        The rows are pictures in an .npz, or texts in a .csv with a column `text`; the key of a row is its place there.
        """
        recorded = json.loads((folder / "predictions.json").read_text())["rows"]
        keys = [row["key"] for row in recorded]
        if data.suffix == ".csv":
            with data.open(newline="", encoding="utf-8") as stream:
                texts = [line["text"] for line in csv.DictReader(stream)]
            rows: dict[str, Any] = {"texts": [texts[key] for key in keys]}
        else:
            pictures = folder.with_name("pictures.npy")
            with np.load(data) as file:
                np.save(pictures, file["x"][keys])
            rows = {"pictures": str(pictures)}
        return self._asked({"folder": str(folder), **rows}), [row["prediction"] for row in recorded]

    def _asked(self, question: dict[str, Any]) -> list[str]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        predictions: list[str] = answer["predictions"]
        return predictions


@cache
def stock() -> Stock:
    """The process, started once and ended with this one."""
    process = Stock()
    atexit.register(process.close)
    return process
