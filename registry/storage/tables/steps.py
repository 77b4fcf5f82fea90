"""Transfer steps with what they measured, their learning curves and their mirrors."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Table,
    Text,
    TypedColumns,
    UniqueConstraint,
)

from registry.storage.sql.types import DigestBytes, Key, Real, UtcDateTime
from registry.storage.tables.base import metadata


class StepColumns(TypedColumns):
    """One run that makes a version: recipe, state and manifest. Its inputs and its output are edges."""

    node_id = Column(Key, ForeignKey("node.id"), primary_key=True, autoincrement=False)
    kind = Column(String, nullable=False)
    wanted = Column(String(96), nullable=False, index=True)
    method = Column(String, nullable=False)
    adapter = Column(String, nullable=False)
    state = Column(String(16), nullable=False, index=True)
    recipe: Column[Any] = Column(JSON, nullable=False)
    created_by = Column(String, nullable=False)
    token = Column(String(40), nullable=True, index=True)
    """The id of the token that it was written with; NULL where there was none, and before revision 0029."""
    started_at = Column(UtcDateTime, nullable=True)
    ended_at = Column(UtcDateTime, nullable=True)
    updated_at = Column(UtcDateTime, nullable=False)
    epoch = Column(Real, nullable=False)
    epochs = Column(Key, nullable=False)
    error = Column(Text, nullable=True)
    progress: Column[Any] = Column(JSON(none_as_null=True), nullable=True)
    """`Progress` as JSON: one column, because it is always written and read whole."""
    manifest = Column(LargeBinary, nullable=True)
    manifest_digest = Column(DigestBytes, nullable=True)
    verdict_void = Column(Text, nullable=True)
    """Why the verdict in the manifest does not count; NULL for one that does, and where there is none."""


class MetricColumns(TypedColumns):
    """One number that a step measured, keyed by the data that it was measured on."""

    id = Column(Key, primary_key=True)
    step_id = Column(Key, ForeignKey("step.node_id"), nullable=False)
    name = Column(String(64), nullable=False)
    data = Column(DigestBytes, nullable=False)
    split = Column(String, nullable=False)
    role = Column(String, nullable=False)
    value = Column(Real, nullable=True)
    data_label = Column(String, nullable=False)


class CurvePointColumns(TypedColumns):
    """One point of a learning curve."""

    step_id = Column(Key, ForeignKey("step.node_id"), primary_key=True, autoincrement=False)
    name = Column(String(64), primary_key=True)
    role = Column(String(64), primary_key=True)
    epoch = Column(Key, primary_key=True, autoincrement=False)
    step = Column(Key, primary_key=True, autoincrement=False)
    value = Column(Real, nullable=True)
    number = Column(Key, nullable=False)
    """Counts up within the step as points are written, so that whoever watches knows what is new."""


class LeaseColumns(TypedColumns):
    """The lease of a step: its engine and, once there is one, its worker."""

    step_id = Column(Key, ForeignKey("step.node_id"), primary_key=True, autoincrement=False)
    engine = Column(String(64), nullable=False)
    worker = Column(String(64), nullable=True)
    machine = Column(String, nullable=True)
    until = Column(UtcDateTime, nullable=False)


class MirrorColumns(TypedColumns):
    """How far the step's copy in the run tracker is."""

    step_id = Column(Key, ForeignKey("step.node_id"), primary_key=True, autoincrement=False)
    state = Column(String(16), nullable=False, index=True)
    run_id = Column(String, nullable=True)
    attempts = Column(Key, nullable=False)
    error = Column(Text, nullable=True)
    changed_at = Column(UtcDateTime, nullable=False)


class ReadingPartColumns(TypedColumns):
    """Bytes of a version, its files one after the other, that were given out to a program that records its own step.

    `reading` is the SHA-256 of the id that the program chose, with the handle of its person.
    """

    id = Column(Key, primary_key=True)
    reading = Column(DigestBytes, nullable=False, index=True)
    node_id = Column(Key, ForeignKey("version.node_id"), nullable=False)
    start = Column(Key, nullable=False)
    stop = Column(Key, nullable=False)
    at = Column(UtcDateTime, nullable=False, index=True)


step = Table("step", metadata, StepColumns)
metric = Table(
    "metric",
    metadata,
    MetricColumns,
    UniqueConstraint("step_id", "name", "data", "split", "role"),
    Index("ix_metric_step_id_name_role", "step_id", "name", "role"),
)
curve_point = Table("curve_point", metadata, CurvePointColumns)
lease = Table("lease", metadata, LeaseColumns)
mirror = Table("mirror", metadata, MirrorColumns)
reading_part = Table("reading_part", metadata, ReadingPartColumns)
