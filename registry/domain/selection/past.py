"""What is on record of earlier transfers, as priors and the backtest read it: values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.names import Name, VersionRef


@dataclass(frozen=True, slots=True)
class Source:
    """What the registry knows of a model without reading it. `size` is in bytes.

    `ancestors` are generations up, by version; the source itself is 0 up.
    """

    ref: VersionRef
    size: int
    architecture: str
    ancestors: Mapping[VersionRef, int]


@dataclass(frozen=True, slots=True)
class Task:
    """Some labelled data, by what decides how alike it is to other data."""

    name: Name
    modality: Modality
    labels: LabelKind
    rows: int
    classes: int


@dataclass(frozen=True, slots=True)
class Tried:
    """The best that each source reached on one task, all by one metric on the same test rows; larger is better."""

    task: Task
    data: VersionRef
    metric: str
    merits: Mapping[VersionRef, float]
