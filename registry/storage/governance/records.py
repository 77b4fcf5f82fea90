"""A model version as decisions see it, read in few statements: decisions are taken while every other writer waits."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal, or_, select, union_all

from registry.domain.catalog.models import CardRevision, MetricValue, Status
from registry.domain.file_kinds import FileScan
from registry.domain.governance.promotion import VoteValue
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.objects import VersionCheck
from registry.services.storage.governance import NamedVersion, StepRecord, VersionRecord
from registry.storage.catalog.assets import tags_of_assets
from registry.storage.catalog.versions import TEST_ROLE, headline_metrics, is_damaged, model_inputs, version_tags
from registry.storage.sql.among import among
from registry.storage.tables import (
    alias,
    asset,
    audit_entry,
    audit_index,
    card_revision,
    evidence,
    metric,
    model_version,
    node,
    request,
    step,
    version,
    version_check,
    vote,
)
from registry.storage.tables.graph import NodeColumns

RUN_BY = ("transfer.submitted", "transfer.resumed")
"""The audit entries of whoever ran a step."""
ASKED = " requested"
"""Marks a target among what people had a hand in."""


def _version_statement() -> Any:
    maker = node.alias("maker").with_cols(NodeColumns)
    return (
        select(
            version.c.node_id,
            version.c.asset_id,
            version.c.step_id,
            version.c.licence,
            version.c.created_by,
            model_version.c.stage,
            model_version.c.status,
            model_version.c.architecture,
            is_damaged().label("damaged"),
            version_check.c.checked_at,
            version_check.c.files.label("checked_files"),
            version_check.c.size.label("checked_size"),
            version_check.c.scan,
            asset.c.task,
            asset.c.modality,
            asset.c.origin,
            asset.c.owner,
            node.c.digest,
            node.c.created_at,
            step.c.method,
            step.c.created_by.label("step_by"),
            step.c.ended_at,
            step.c.manifest,
            step.c.manifest_digest,
            step.c.verdict_void,
            maker.c.label.label("step_label"),
        )
        .join(version, version.c.node_id == node.c.id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(model_version, model_version.c.node_id == version.c.node_id)
        .join(step, step.c.node_id == version.c.step_id)
        .join(maker, maker.c.id == version.c.step_id)
        .outerjoin(version_check, version_check.c.node_id == version.c.node_id)
        .where(node.c.label == bindparam("label"), version.c.deleted_at.is_(None))
    )


def _baselines_statement() -> Any:
    return (
        select(alias.c.alias, version.c.number, metric.c.name, metric.c.value)
        .join(version, version.c.node_id == alias.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .outerjoin(metric, (metric.c.step_id == version.c.step_id) & (metric.c.role == TEST_ROLE))
        .where(
            asset.c.kind == AssetKind.MODELS,
            asset.c.folded == bindparam("folded"),
            version.c.deleted_at.is_(None),
        )
        .order_by(metric.c.id)
    )


_TESTED = (
    select(metric)
    .where(
        among(metric.c.step_id, "steps"),
        metric.c.name.in_(bindparam("names", expanding=True)),
        or_(metric.c.role == TEST_ROLE, metric.c.role.startswith(TEST_ROLE + ".", autoescape=True)),
    )
    .order_by(metric.c.id)
)
_VERSION = _version_statement()
_BASELINES = _baselines_statement()
_NEWEST_CARD = (
    select(card_revision)
    .where(card_revision.c.node_id == bindparam("key"))
    .order_by(card_revision.c.number.desc())
    .limit(1)
)
_HANDS = union_all(
    select(literal("card").label("what"), card_revision.c.written_by.label("who")).where(
        card_revision.c.node_id == bindparam("key")
    ),
    select(literal("run"), audit_index.c.actor)
    .join(audit_entry, audit_entry.c.seq == audit_index.c.seq)
    .where(audit_entry.c.subject == bindparam("step"), audit_entry.c.action.in_(RUN_BY)),
    select(request.c.to_stage.concat(ASKED), request.c.requested_by).where(request.c.node_id == bindparam("key")),
)
"""Who had a hand in a version: one row for each deed."""
_ALIASES = select(alias.c.alias).where(alias.c.node_id == bindparam("key")).order_by(alias.c.alias)


def version_record(connection: Connection, ref: VersionRef) -> VersionRecord | None:
    """A live model version as decisions see it: nine statements."""
    row = connection.execute(_VERSION, {"label": str(ref)}).one_or_none()
    if row is None:
        return None
    card = connection.execute(_NEWEST_CARD, {"key": row.node_id}).one_or_none()
    hands: dict[str, set[str]] = {}
    for what, who in connection.execute(_HANDS, {"key": row.node_id, "step": row.step_label}):
        hands.setdefault(what, set()).add(who)
    return VersionRecord(
        ref=ref,
        digest=row.digest,
        stage=row.stage,
        status=Status(row.status),
        licence=row.licence,
        method=row.method,
        architecture=row.architecture,
        damaged=bool(row.damaged),
        checked=_checked(row),
        task=row.task,
        modality=row.modality,
        origin=row.origin,
        owner=row.owner,
        created_at=row.created_at,
        created_by=row.created_by,
        step=_step(row),
        aliases=tuple(connection.scalars(_ALIASES, {"key": row.node_id})),
        metrics=headline_metrics(connection, [row.step_id]).get(row.step_id, {}),
        tags={**tags_of_assets(connection, [row.asset_id])[row.asset_id], **version_tags(connection, row.node_id)},
        parents=model_inputs(connection, row.step_id),
        card_writers=frozenset(hands.get("card", ())),
        runners=frozenset(hands.get("run", ())),
        requesters={what.removesuffix(ASKED): frozenset(who) for what, who in hands.items() if what.endswith(ASKED)},
        card=None
        if card is None
        else CardRevision(card.number, card.digest, card.text, card.written_at, card.written_by, bool(card.generated)),
    )


def _checked(row: Row[Any]) -> VersionCheck | None:
    if row.checked_at is None:
        return None
    scan = None if row.scan is None else FileScan(**{**row.scan, **_tuples(row.scan, "formats", "named")})
    return VersionCheck(row.checked_at, row.checked_files, row.checked_size, scan)


def _tuples(stored: Mapping[str, Any], *names: str) -> dict[str, tuple[Any, ...]]:
    return {name: tuple(stored[name]) for name in names}


def baselines_of(connection: Connection, name: Name) -> dict[str, NamedVersion]:
    """By alias of the model, the version that it names with its test metrics; measured on several data, the first."""
    found: dict[str, tuple[VersionRef, dict[str, float]]] = {}
    for row in connection.execute(_BASELINES, {"folded": name.folded}):
        _, metrics = found.setdefault(row.alias, (VersionRef(AssetKind.MODELS, name, row.number), {}))
        if row.name is not None:
            metrics.setdefault(row.name, row.value)
    return {given: NamedVersion(ref, metrics) for given, (ref, metrics) in found.items()}


def stale_voters(connection: Connection, requests: Sequence[Row[Any]]) -> dict[int, tuple[str, ...]]:
    """By request, who approved it before the newest evidence about its version was added: two statements.

    By the times of both, so that a clock that was set back can hide one: a hint for lists. What an approval counts for
    is decided by the digest of the evidence that it is bound to.
    """
    if not requests:
        return {}
    newest = select(evidence.c.node_id, func.max(evidence.c.added_at)).group_by(evidence.c.node_id)
    added = dict(connection.execute(newest.where(evidence.c.node_id.in_({row.node_id for row in requests}))).all())
    query = select(vote).where(vote.c.request_id.in_([row.id for row in requests])).order_by(vote.c.id)
    last: dict[int, dict[str, Row[Any]]] = {}
    for row in connection.execute(query):
        last.setdefault(row.request_id, {})[row.voter] = row
    return {
        request.id: tuple(
            voter
            for voter, given in sorted(last.get(request.id, {}).items())
            if VoteValue(given.value).approves and request.node_id in added and given.voted_at < added[request.node_id]
        )
        for request in requests
    }


def _step(row: Row[Any]) -> StepRecord:
    manifest = None if row.manifest is None else json.loads(row.manifest)
    return StepRecord(row.step_label, row.step_by, row.ended_at, manifest, row.manifest_digest, row.verdict_void)


def tested_by(connection: Connection, steps: Sequence[int], names: Sequence[str]) -> dict[int, list[MetricValue]]:
    """What each of these steps measured on test data by these metrics: one statement, however many there are."""
    found: dict[int, list[MetricValue]] = {}
    for row in connection.execute(_TESTED, {"steps": list(steps), "names": list(names)}):
        one = MetricValue(row.name, row.value, row.role, row.split, row.data, row.data_label)
        found.setdefault(row.step_id, []).append(one)
    return found
