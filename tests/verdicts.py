"""A verdict to show: cats gain, dogs lose, so that the whole is inconclusive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from registry.domain.codec import to_json
from registry.domain.comparison.arms import Arm, Measure
from registry.domain.comparison.judging import judge
from registry.domain.comparison.verdict import ArmKind, TransferVerdict
from registry.domain.manifests import canonical_json
from tests.registry.domain.comparison.worlds import arm, rights

PLACES = {"class cat": np.arange(60), "class dog": np.arange(60, 80)}


def a_verdict() -> TransferVerdict:
    """Of eighty rows and three seeds; there is a probe, and nothing in production."""
    transfer, scratch = "x" * 60 + "." * 15 + "x" * 5, "x" * 30 + "." * 30 + "x" * 20
    marks = {ArmKind.TRANSFER: transfer, ArmKind.SCRATCH: scratch, ArmKind.PROBE: transfer}
    return judge([_sliced(kind, answers) for kind, answers in marks.items()], Measure("accuracy", slices=PLACES))


def no_verdict() -> TransferVerdict:
    """The same, but from scratch gave every row the same answer."""
    marks = {ArmKind.TRANSFER: "x" * 60 + "." * 20, ArmKind.SCRATCH: "x" * 30 + "." * 50}
    (transfer, scratch) = [arm(kind, *[answers] * 3) for kind, answers in marks.items()]
    return judge([transfer, replace(scratch, constant="it gives every row the same answer")], Measure("accuracy"))


def a_manifest(verdict: TransferVerdict | None = None) -> bytes:
    """The manifest of a step with that verdict."""
    shown = to_json(verdict or a_verdict())
    facts = {"baselines": {"verdict": shown, "skipped": {"production": "no version is in production"}}}
    return canonical_json({"schema": "forebear/provenance/v1", "facts": facts})


def an_invalid_manifest() -> bytes:
    """The manifest of a step without a verdict."""
    return a_manifest(no_verdict())


def _sliced(kind: ArmKind, marks: str) -> Arm:
    points = {name: (rights("".join(marks[i] for i in at)),) * 3 for name, at in PLACES.items()}
    return replace(arm(kind, *[marks] * 3), points=points)
