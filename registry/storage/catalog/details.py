"""One registered model, or one version with all that belongs to it: a handful of prebuilt statements each.

What stands in one row of each table is joined into the first statement; each further statement reads one list.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, literal, or_, select, union_all

from registry.domain.catalog.models import CardRevision, MetricValue, Modality, ModelDetail, ModelSummary, VersionDetail
from registry.domain.catalog.models import VersionSummary as Summary
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.transfers.adapted import PIN
from registry.services.storage.catalog import OneFile
from registry.storage.catalog import assets, versions
from registry.storage.catalog.aliases import aliases_of
from registry.storage.catalog.tags import value_of
from registry.storage.tables import (
    alias,
    asset,
    asset_tag,
    card_revision,
    file,
    model_version,
    node,
    step,
    upstream,
    version,
    version_tag,
)
from registry.storage.tables.catalog import CardRevisionColumns, VersionColumns
from registry.storage.tables.graph import NodeColumns

MODELS = AssetKind.MODELS


def version_detail(connection: Connection, ref: VersionRef) -> VersionDetail | None:
    """A live version of a live model, whole but for the notes in its manifest."""
    row = connection.execute(_version(), {"label": str(ref)}).one_or_none()
    if row is None:
        return None
    words: dict[str, dict[str, str]] = {"alias": {}, "model": {}, "version": {}}
    for kind, key, value in connection.execute(_words(), {"version": row.node_id, "asset": row.asset_id}):
        words[kind][key] = value
    measured = versions.measured_by(connection, row.step_id)
    summary = versions.summary_of(row, tuple(words["alias"]), _headline(measured))
    newest = summary
    if row.newest != row.node_id:
        newest = versions.version_summaries(connection, [row.newest])[row.newest]
    return VersionDetail(
        summary=summary,
        model=_model_summary(row, words["model"], newest),
        architecture=row.architecture,
        files=versions.files_of(connection, row.node_id),
        card=None
        if row.card_number is None
        else CardRevision(
            row.card_number, row.card_digest, row.card_text, row.card_at, row.card_by, bool(row.card_generated)
        ),
        step=row.step_label,
        parents=versions.model_inputs(connection, row.step_id),
        measured=measured,
        tags=words["version"],
        status_reason=row.status_reason,
        upstream=row.source or "",
        updated_at=row.updated_at,
    )


def one_file(connection: Connection, ref: VersionRef, path: str) -> OneFile | None:
    """A live version with one of its files, found by its path, and whether it is an adapter."""
    row = connection.execute(_version_and_kind(), {"label": str(ref)}).one_or_none()
    if row is None:
        return None
    found = {one.path: one for one in connection.execute(_files(), {"key": row.node_id, "path": path, "pin": PIN})}
    one = found.get(path)
    return OneFile(
        versions.version_summaries(connection, [row.node_id])[row.node_id],
        row.architecture,
        FileEntry(one.path, one.size, one.sha256) if one is not None else None,
        adapter=PIN in found,
    )


@cache
def _version_and_kind() -> Any:
    return (
        select(version.c.node_id, model_version.c.architecture)
        .join(node, node.c.id == version.c.node_id)
        .join(model_version, model_version.c.node_id == version.c.node_id)
        .where(node.c.label == bindparam("label"), versions.is_live())
    )


@cache
def _files() -> Any:
    wanted = or_(file.c.path == bindparam("path"), file.c.path == bindparam("pin"))
    return select(file).where(file.c.node_id == bindparam("key"), wanted)


def model_detail(connection: Connection, name: Name) -> ModelDetail | None:
    """A live model, its newest live version and its aliases."""
    row = connection.execute(_model(), {"kind": MODELS, "name": str(name), "folded": name.folded}).one_or_none()
    if row is None:
        return None
    named = aliases_of(connection, row.asset_id, name)
    newest = None
    if row.node_id is not None:
        mine = tuple(one.alias for one in named if one.ref.number == row.number)
        metrics = versions.headline_metrics(connection, [row.step_id])
        newest = versions.summary_of(row, mine, metrics.get(row.step_id, {}))
    tags = assets.tags_of_assets(connection, [row.asset_id])[row.asset_id]
    return ModelDetail(_model_summary(row, tags, newest), named)


def _model_summary(row: Row[Any], tags: dict[str, str], newest: Summary | None) -> ModelSummary:
    return ModelSummary(
        name=assets.name_of(row),
        task=row.task,
        modality=Modality(row.modality),
        origin=row.origin,
        owner=row.owner,
        description=row.description,
        tags=tags,
        created_at=row.model_created_at,
        updated_at=row.model_updated_at,
        versions=row.live,
        version=newest,
    )


def _headline(measured: tuple[MetricValue, ...]) -> dict[str, float]:
    """As `versions.headline_metrics`: measured on several data, the first counts."""
    found: dict[str, float] = {}
    for one in measured:
        if one.role == versions.TEST_ROLE:
            found.setdefault(one.name, one.value)
    return found


@cache
def _version() -> Any:
    """The version with the bound `label`."""
    maker = node.alias("maker").with_cols(NodeColumns)
    later = card_revision.alias("later").with_cols(CardRevisionColumns)
    card = select(func.max(later.c.number)).where(later.c.node_id == version.c.node_id).scalar_subquery()
    return (
        _of_model(
            select(
                *versions.summary_columns(),
                model_version.c.architecture,
                model_version.c.status_reason,
                model_version.c.updated_at,
                maker.c.label.label("step_label"),
                card_revision.c.number.label("card_number"),
                card_revision.c.digest.label("card_digest"),
                card_revision.c.text.label("card_text"),
                card_revision.c.written_at.label("card_at"),
                card_revision.c.written_by.label("card_by"),
                card_revision.c.generated.label("card_generated"),
                upstream.c.source,
            )
        )
        .select_from(node)
        .join(version, version.c.node_id == node.c.id)
        .join(model_version, model_version.c.node_id == version.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(step, step.c.node_id == version.c.step_id)
        .join(maker, maker.c.id == version.c.step_id)
        .outerjoin(card_revision, and_(card_revision.c.node_id == version.c.node_id, card_revision.c.number == card))
        .outerjoin(upstream, upstream.c.node_id == version.c.node_id)
        .where(node.c.label == bindparam("label"), versions.is_live(), asset.c.deleted_at.is_(None))
    )


@cache
def _model() -> Any:
    """The model with the bound names, and its newest version where it has one."""
    return (
        _of_model(select(*versions.summary_columns()))
        .select_from(asset)
        .outerjoin(version, version.c.node_id == _newest())
        .outerjoin(model_version, model_version.c.node_id == version.c.node_id)
        .outerjoin(node, node.c.id == version.c.node_id)
        .outerjoin(step, step.c.node_id == version.c.step_id)
        .where(assets.is_named(), asset.c.deleted_at.is_(None))
    )


def _of_model(query: Select[Any]) -> Select[Any]:
    """`query` with what is said of the model itself."""
    counted = version.alias("counted").with_cols(VersionColumns)
    mine = select(func.count()).where(counted.c.asset_id == asset.c.id, counted.c.deleted_at.is_(None))
    return query.add_columns(
        asset.c.id.label("asset_id"),
        asset.c.task,
        asset.c.modality,
        asset.c.origin,
        asset.c.owner,
        asset.c.description,
        asset.c.created_at.label("model_created_at"),
        asset.c.updated_at.label("model_updated_at"),
        mine.correlate(asset).scalar_subquery().label("live"),
        _newest().label("newest"),
    )


def _newest() -> Any:
    """The key of the newest live version of `asset`."""
    newer = version.alias("newer").with_cols(VersionColumns)
    mine = select(newer.c.node_id).where(newer.c.asset_id == asset.c.id, newer.c.deleted_at.is_(None))
    return mine.order_by(newer.c.number.desc()).limit(1).correlate(asset).scalar_subquery()


@cache
def _words() -> Any:
    """Aliases and tags of the bound `version`, and tags of the bound `asset`, each by name."""
    mine = alias.c.node_id == bindparam("version")
    named = select(literal("alias").label("kind"), alias.c.alias.label("key"), literal("").label("value")).where(mine)
    own = select(literal("version"), version_tag.c.key, value_of(version_tag)).where(
        version_tag.c.node_id == bindparam("version")
    )
    shared = select(literal("model"), asset_tag.c.key, value_of(asset_tag)).where(
        asset_tag.c.asset_id == bindparam("asset")
    )
    return union_all(named, own, shared).order_by("kind", "key")
