"""How a check is made, for the tests of this folder."""

from __future__ import annotations

from registry.domain.drift.report import DriftReport
from registry.domain.names import Reference
from registry.domain.verbs.drift import CheckDrift
from registry.services.context import Context
from registry.services.drift.verbs import Drift

MODEL = Reference.parse("models:/text/lengths/1")


def data(name: str) -> Reference:
    return Reference.parse(f"datasets:/data/{name}")


def checked(context: Context, name: str, model: Reference = MODEL, **wanted: object) -> DriftReport:
    return Drift(context).check(CheckDrift(model, data(name), **wanted)).report  # type: ignore[arg-type]
