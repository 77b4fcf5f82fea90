"""Transfers that a person's own program ran: what it says of them, and which bytes it read from the registry.

Nothing that the program says is measured by us. So its inputs are `declared`, unless the registry itself gave out all
their bytes for this very step; and what it measured is kept as its own statement, which no policy reads as a metric.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from registry.domain.catalog.models import Modality, check_tags
from registry.domain.credentials import refuse_credentials
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.recipes.methods import DATA_ROLES, MODEL_ROLES, role_problem
from registry.domain.recipes.recipe import Method
from registry.domain.text import check_facts, did_you_mean
from registry.domain.transfers.steps import EpochMetric
from registry.errors import InvalidError

OWN_CODE = "own-code"
"""The adapter of a step that somebody's own program ran."""
DECLARED = "declared_metrics"
"""The fact of a manifest that holds what such a program says that it measured."""
MAX_INPUTS, MAX_METRICS, MAX_POINTS = 64, 1000, 10_000
_READING = re.compile("[0-9a-f]{32}")
_METRIC = re.compile(r"[A-Za-z][A-Za-z0-9_./@ -]{0,63}")


def check_reading(text: str) -> str:
    """`text` if it has the form of a reading's id: 32 hexadecimal digits. Raises: InvalidError."""
    if not _READING.fullmatch(text):
        raise InvalidError(f"{text[:80]!r} is not the id of a reading", remedy="Give 32 hexadecimal digits")
    return text


@dataclass(frozen=True, slots=True)
class UsedInput:
    """A version that went into the step, in a role; `split` for the part of a dataset."""

    reference: Reference
    role: str
    split: str | None = None

    def __post_init__(self) -> None:
        if self.reference.kind is AssetKind.DATASETS:
            if problem := role_problem(self.role):
                raise InvalidError(problem, remedy=f"Roles of data: {', '.join(DATA_ROLES)}")
        elif self.role not in MODEL_ROLES:
            raise InvalidError(
                f"{self.role[:80]!r} is not a role of models{did_you_mean(self.role, MODEL_ROLES)}",
                remedy=f"Roles of models: {', '.join(MODEL_ROLES)}",
            )


@dataclass(frozen=True, slots=True)
class Environment:
    """Where the program ran, as it says: versions of Python and of libraries, the machine."""

    python: str = ""
    platform: str = ""
    libraries: Mapping[str, str] = field(default_factory=dict)
    hardware: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordTransfer:
    """What a program ran. `source` is the folder of what it made; the server sets it to its own upload folder.

    With `error`, the program failed, and `source` is not read. `reading` names what it read through the registry;
    empty for nothing. `seconds` is how long it ran. `metrics` are its last values, `curve` those on the way.
    """

    output: Name
    method: Method
    inputs: tuple[UsedInput, ...]
    source: str = ""
    reading: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curve: tuple[EpochMetric, ...] = ()
    environment: Environment = field(default_factory=Environment)
    seconds: float = 0.0
    architecture: str | None = None
    task: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    uploaded: bool = False
    """True when the folder came over HTTP: then no pickle is read."""

    def __post_init__(self) -> None:
        check_tags(self.tags)
        if self.method is Method.IMPORT:
            raise InvalidError("An import is no transfer", remedy="Use forebear model import")
        if self.reading:
            check_reading(self.reading)
        if len(self.inputs) > MAX_INPUTS or len(self.metrics) > MAX_METRICS or len(self.curve) > MAX_POINTS:
            raise InvalidError(
                f"A step has at most {MAX_INPUTS} inputs, {MAX_METRICS:,} metrics and {MAX_POINTS:,} curve points"
            )
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise InvalidError(f"{self.seconds!r} is no number of seconds")
        _check_metrics((*self.metrics.items(), *((point.name, point.value) for point in self.curve)))
        check_facts(dict(self.parameters), "parameters", most=10_000)
        ran = self.environment
        check_facts([ran.python, ran.platform, ran.libraries, ran.hardware], "environment", most=10_000)
        described = {"task": self.task, "licence": self.licence, "description": self.description}
        refuse_credentials(described | {"source": self.source, "architecture": self.architecture}, "step's")


def _check_metrics(metrics: Iterable[tuple[str, float]]) -> None:
    for name, value in metrics:
        if not _METRIC.fullmatch(name):
            raise InvalidError(
                f"{name[:80]!r} is no name of a metric",
                remedy="Use up to 64 letters, digits and . _ - / @, a letter first",
            )
        if not math.isfinite(value):
            raise InvalidError(f"The metric {name} is {value}, which is no number", remedy="Leave it out")
