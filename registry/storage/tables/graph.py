"""The graph of facts: one table of nodes, one append-only table of edges, indexed both ways."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    TypedColumns,
    false,
)

from registry.storage.sql.types import DigestBytes, Key, Label, UtcDateTime
from registry.storage.tables.base import metadata, partial_index


class NodeColumns(TypedColumns):
    """Model versions, dataset versions and transfer steps share this key; their own tables hang off it."""

    id = Column(Key, primary_key=True)
    kind = Column(String, nullable=False)
    digest = Column(DigestBytes, nullable=False, index=True)
    label = Column(Label, nullable=False, unique=True)
    """The public name: the URI of a version or the id of a step."""
    created_at = Column(UtcDateTime, nullable=False)


class EdgeColumns(TypedColumns):
    """Input -> step, or step -> output. A correction adds a row and points the old one to it."""

    id = Column(Key, primary_key=True)
    from_node = Column(Key, ForeignKey("node.id"), nullable=False)
    to_node = Column(Key, ForeignKey("node.id"), nullable=False)
    role = Column(String, nullable=False)
    split = Column(String, nullable=True)
    assurance = Column(String, nullable=False)
    created_at = Column(UtcDateTime, nullable=False)
    superseded_by = Column(Key, ForeignKey("edge.id"), nullable=True)


class WeightComparisonColumns(TypedColumns):
    """What the weights of a step's output say about one of its inputs. The newest counts."""

    id = Column(Key, primary_key=True)
    step_node = Column(Key, ForeignKey("node.id"), nullable=False, index=True)
    input_node = Column(Key, ForeignKey("node.id"), nullable=False)
    checked_at = Column(UtcDateTime, nullable=False)
    body: Column[Any] = Column(JSON, nullable=False)


class WeightIndexColumns(TypedColumns):
    """A version of a model whose weights were read to find it by them. `layers`: of the shapes of its layers."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    layers = Column(DigestBytes, nullable=True, index=True)


class TensorColumns(TypedColumns):
    """One of the largest tensors of such a version, by the digest of its bytes."""

    digest = Column(DigestBytes, primary_key=True)
    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    size = Column(Key, nullable=False)


class TrainingComputeColumns(TypedColumns):
    """What somebody declared of the compute of one version, append-only; the newest counts."""

    id = Column(Key, primary_key=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False, index=True)
    flop: Column[float | None] = Column(Double, nullable=True)
    gpai = Column(Boolean, nullable=True)
    source = Column(Text, nullable=False)
    declared_by = Column(String(64), nullable=False)
    declared_at = Column(UtcDateTime, nullable=False)


class LeakageCountColumns(TypedColumns):
    """How many test rows of a version were found in training data, append-only; the newest counts."""

    id = Column(Key, primary_key=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False, index=True)
    basis = Column(DigestBytes, nullable=False)
    """Of the data that was compared."""
    test_rows = Column(Integer, nullable=False)
    seen = Column(Integer, nullable=False)
    known = Column(Boolean, nullable=False)
    near: Column[int | None] = Column(Integer, nullable=True)
    counted_by = Column(String(64), nullable=False)
    counted_at = Column(UtcDateTime, nullable=False)


class NodeMarkColumns(TypedColumns):
    """A mark that was set on a version and not taken away."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    mark = Column(String(255), primary_key=True)
    reason = Column(Text, nullable=False)
    set_by = Column(String(64), nullable=False)
    set_at = Column(UtcDateTime, nullable=False)


class EdgeCorrectionColumns(TypedColumns):
    """Somebody says that an edge into a step is wrong. `input_node` took its place, or nothing did.

    Made, the edge is superseded: by one from `input_node`, or by a row that supersedes itself and is never in force.
    """

    id = Column(Key, primary_key=True)
    public_id = Column(String(40), nullable=False, unique=True)
    step_node = Column(Key, ForeignKey("node.id"), nullable=False, index=True)
    edge_id = Column(Key, ForeignKey("edge.id"), nullable=False)
    input_node = Column(Key, ForeignKey("node.id"), nullable=True)
    role = Column(String, nullable=False)
    split = Column(String, nullable=True)
    reason = Column(Text, nullable=False)
    consequences: Column[Any] = Column(JSON, nullable=False)
    weights = Column(Text, nullable=False)
    asked_by = Column(String(64), nullable=False)
    asked_at = Column(UtcDateTime, nullable=False)
    decided_by = Column(String(64), nullable=False, server_default="")
    decided_at = Column(UtcDateTime, nullable=True)
    agreed = Column(Boolean, nullable=False, server_default=false())
    comment = Column(Text, nullable=False, server_default="")


node = Table("node", metadata, NodeColumns)
edge = Table(
    "edge",
    metadata,
    EdgeColumns,
    Index("ix_edge_from_node_to_node", "from_node", "to_node"),
    Index("ix_edge_to_node_from_node", "to_node", "from_node"),
    partial_index("ix_edge_superseded_by", "superseded_by", where="superseded_by IS NOT NULL"),
)
edge_correction = Table("edge_correction", metadata, EdgeCorrectionColumns)
weight_comparison = Table("weight_comparison", metadata, WeightComparisonColumns)
weight_index = Table("weight_index", metadata, WeightIndexColumns)
tensor = Table("tensor", metadata, TensorColumns)
training_compute = Table("training_compute", metadata, TrainingComputeColumns)
leakage_count = Table("leakage_count", metadata, LeakageCountColumns)
node_mark = Table("node_mark", metadata, NodeMarkColumns)
