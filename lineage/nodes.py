"""Nodes and edges as values: model versions, dataset versions and the steps between them.

Stored edges run input -> step -> output. Parent and child are derived from the model inputs of a step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lineage.digest import Digest

NodeId = int
"""The 64-bit surrogate key that a node has in the database; public names are labels, never keys."""


class NodeKind(StrEnum):
    """What a node of the graph is."""

    MODEL = "model_version"
    DATASET = "dataset_version"
    STEP = "transfer_step"


class Assurance(StrEnum):
    """How well the claim that this input went into this step is supported."""

    CONTRADICTED = "contradicted"
    """Somebody claims it, and the weights speak against it."""
    DECLARED = "declared"
    """Somebody claims it."""
    OBSERVED = "observed"
    """Our adapter did it."""
    VERIFIED = "verified"
    """The weights prove it."""


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the graph. `label` is what people call it: `team/name/3`, or a step's public id."""

    id: NodeId
    kind: NodeKind
    label: str
    digest: Digest | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """Short facts for people: stage, status, method, licence… Never used to decide anything."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One stored edge: `source` went into step `target`, or step `source` made `target`.

    `role` is `source`, `teacher`, `train`, `test`, … on the way in and `output` on the way out.
    """

    source: NodeId
    target: NodeId
    role: str
    assurance: Assurance = Assurance.OBSERVED
    split: str | None = None
