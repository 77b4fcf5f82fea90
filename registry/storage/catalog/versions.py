"""Model versions read as values, a page at a time: one query for each relation, never one for each row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, func, insert, literal, select

from lineage import Digest, NodeKind
from registry.domain.catalog.models import MetricValue, Modality, ModelSummary, Status, VersionSummary
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import AssetKind, Name, VersionRef
from registry.errors import ConflictError, NotFoundError
from registry.storage.catalog import documents
from registry.storage.catalog.assets import (
    asset_id,
    live_counts,
    name_of,
    require_version,
    tags_of_assets,
    touch,
)
from registry.storage.catalog.listings import listed
from registry.storage.catalog.nodes import add_edges, add_node, keys_of, made_edge
from registry.storage.catalog.tags import columns_of, value_of
from registry.storage.sql.among import among
from registry.storage.sql.chunks import chunks
from registry.storage.sql.prebuilt import Prebuilt, inserting
from registry.storage.tables import (
    alias,
    asset,
    damage,
    edge,
    extent,
    file,
    metric,
    model_version,
    node,
    step,
    version,
    version_tag,
)
from registry.storage.tables.catalog import VersionColumns

TEST_ROLE = "test"


def write_version(
    connection: Connection,
    ref: VersionRef,
    manifest: Manifest,
    *,
    licence: str,
    step_id: str,
    created_at: datetime,
    created_by: str,
) -> tuple[int, int]:
    """Write the node, the version, its files with one extent each, and the edge from its step.

    Gives the keys of the version and of its model or dataset.

    Raises: NotFoundError for an unknown model, dataset or step; ConflictError for a number that is used.
    """
    owner, label = asset_id(connection, ref.kind, ref.name), str(ref)
    known = keys_of(connection, (step_id, label))
    if step_id not in known:
        raise NotFoundError(f"There is no step {step_id}")
    if label in known:
        raise ConflictError(f"The version {ref} is there already", remedy="Publish under the next number")
    kind = NodeKind.MODEL if ref.kind is AssetKind.MODELS else NodeKind.DATASET
    key = add_node(connection, kind, manifest.digest, label, created_at)
    row = {"node_id": key, "asset_id": owner, "number": ref.number, "step_id": known[step_id], "licence": licence}
    _ADD_VERSION.run(connection, row | {"size": manifest.size, "words": "", "created_by": created_by})
    add_edges(connection, [made_edge(known[step_id], key, created_at)])
    files = [{"node_id": key, "path": f.path, "size": f.size, "sha256": f.sha256} for f in manifest.files]
    _ADD_FILES.run_all(connection, files)
    _ADD_EXTENTS.run(connection, {"key": key})
    touch(connection, owner, created_at)
    return key, owner


_ADD_VERSION = inserting(version, "node_id", "asset_id", "number", "step_id", "licence", "size", "words", "created_by")
_ADD_FILES = inserting(file, "node_id", "path", "size", "sha256")
_ADD_EXTENTS = Prebuilt(
    lambda: insert(extent).from_select(
        ["file_id", "position", "blob", "offset", "length"],
        select(file.c.id, literal(0), file.c.sha256, literal(0), file.c.size).where(file.c.node_id == bindparam("key")),
    )
)


def set_version_tags(
    connection: Connection, ref: VersionRef, values: Mapping[str, str | None], *, at: datetime
) -> dict[str, str]:
    """Set some tags of a version, drop those whose value is None; give all that it has now. Raises: NotFoundError."""
    row = require_version(connection, ref)
    key = row.node_id
    with listed(connection, row.asset_id):
        connection.execute(delete(version_tag).where(version_tag.c.node_id == key, version_tag.c.key.in_(list(values))))
        kept = [{"node_id": key, "key": tag, **columns_of(value)} for tag, value in values.items() if value is not None]
        if kept:
            connection.execute(insert(version_tag), kept)
    documents.write_version(connection, key)
    touch(connection, row.asset_id, at)
    return version_tags(connection, key)


def version_tags(connection: Connection, key: int) -> dict[str, str]:
    """The tags of one version."""
    return {row.key: row.value for row in connection.execute(_version_tags(), {"key": key})}


@cache
def _version_tags() -> Any:
    mine = version_tag.c.node_id == bindparam("key")
    return select(version_tag.c.key, value_of(version_tag)).where(mine).order_by(version_tag.c.key)


def files_of(connection: Connection, key: int) -> tuple[FileEntry, ...]:
    """The payload files of a version, sorted by path as its manifest has them."""
    rows = connection.execute(_files_of(), {"key": key})
    return tuple(sorted(FileEntry(row.path, row.size, row.sha256) for row in rows))


@cache
def _files_of() -> Any:
    return select(file).where(file.c.node_id == bindparam("key"))


def is_live() -> ColumnElement[bool]:
    """True for a version that was not deleted."""
    return version.c.deleted_at.is_(None)


def is_damaged() -> ColumnElement[bool]:
    """True for a version with a stored object that is missing or changed."""
    return select(damage.c.node_id).where(damage.c.node_id == version.c.node_id).exists()


def refs_of(connection: Connection, keys: Iterable[int]) -> dict[int, VersionRef]:
    """The reference of each version, deleted ones too, by key; no statement where there are no keys."""
    asked = list(keys)
    rows = _REFS_OF.rows(connection, {"keys": asked}) if asked else ()
    return {key: VersionRef(AssetKind(kind), Name.parse(name), number) for key, kind, name, number in rows}


_REFS_OF = Prebuilt(
    lambda: (
        select(version.c.node_id, asset.c.kind, asset.c.name, version.c.number)
        .join(asset, asset.c.id == version.c.asset_id)
        .where(among(version.c.node_id))
    )
)


def headline_metrics(connection: Connection, steps: Iterable[int]) -> dict[int, dict[str, float]]:
    """The metrics of each step on its test role, by key. Measured on several data, the first counts."""
    found: dict[int, dict[str, float]] = {}
    for key, name, value in _HEADLINE_METRICS.rows(connection, {"steps": list(steps)}):
        found.setdefault(key, {}).setdefault(name, value)
    return found


_HEADLINE_METRICS = Prebuilt(
    lambda: (
        select(metric.c.step_id, metric.c.name, metric.c.value)
        .where(among(metric.c.step_id, "steps"), metric.c.role == TEST_ROLE)
        .order_by(metric.c.id)
    )
)


def measured_by(connection: Connection, key: int) -> tuple[MetricValue, ...]:
    """Everything that a step measured."""
    rows = connection.execute(_measured_by(), {"step": key})
    return tuple(MetricValue(r.name, r.value, r.role, r.split, r.data, r.data_label) for r in rows)


@cache
def _measured_by() -> Any:
    return select(metric).where(metric.c.step_id == bindparam("step")).order_by(metric.c.id)


def version_summaries(connection: Connection, keys: Sequence[int]) -> dict[int, VersionSummary]:
    """The summaries of model versions, by key: three queries, however many there are."""
    rows = connection.execute(_version_summaries(), {"keys": keys}).all()
    metrics = headline_metrics(connection, {row.step_id for row in rows})
    names = alias_names(connection, keys)
    return {
        row.node_id: summary_of(row, tuple(names.get(row.node_id, ())), metrics.get(row.step_id, {})) for row in rows
    }


def summary_of(row: Row[Any], aliases: tuple[str, ...], metrics: Mapping[str, float]) -> VersionSummary:
    """The summary of the version in a row of `summary_columns`."""
    return VersionSummary(
        ref=VersionRef(AssetKind.MODELS, name_of(row), row.number),
        digest=row.digest,
        stage=row.stage,
        status=Status(row.status),
        licence=row.licence,
        size=row.size,
        created_at=row.created_at,
        created_by=row.created_by,
        method=row.method,
        aliases=aliases,
        metrics=metrics,
        damaged=bool(row.damaged),
    )


def summary_columns() -> list[ColumnElement[Any]]:
    """What a summary is made of, in `version`, `model_version`, `node`, `step` and `asset`."""
    return [
        version.c.node_id,
        version.c.step_id,
        version.c.number,
        version.c.licence,
        version.c.size,
        version.c.created_by,
        model_version.c.stage,
        model_version.c.status,
        asset.c.name,
        node.c.digest,
        node.c.created_at,
        step.c.method,
        is_damaged().label("damaged"),
    ]


@cache
def _version_summaries() -> Any:
    return (
        select(*summary_columns())
        .select_from(version)
        .join(model_version, model_version.c.node_id == version.c.node_id)
        .join(node, node.c.id == version.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(step, step.c.node_id == version.c.step_id)
        .where(among(version.c.node_id))
    )


def alias_names(connection: Connection, keys: Collection[int]) -> dict[int, list[str]]:
    """The aliases of each of these versions that has one, in order."""
    names: dict[int, list[str]] = {}
    for key, name in _ALIAS_NAMES.rows(connection, {"keys": keys}):
        names.setdefault(key, []).append(name)
    return names


_ALIAS_NAMES = Prebuilt(
    lambda: select(alias.c.node_id, alias.c.alias).where(among(alias.c.node_id)).order_by(alias.c.alias)
)


def model_summaries(
    connection: Connection,
    rows: Sequence[Row[Any]],
    newest: Mapping[int, int],
    versions: Mapping[int, VersionSummary] | None = None,
) -> list[ModelSummary]:
    """Summaries of the models in `rows` (of `asset`), in order. `newest` maps their keys to that of a version.

    `versions` are the summaries of those versions, where they were read already.
    """
    keys = [row.id for row in rows]
    tags = tags_of_assets(connection, keys)
    counts = live_counts(connection, keys)
    if versions is None:
        versions = version_summaries(connection, list(newest.values()))
    return [
        ModelSummary(
            name=name_of(row),
            task=row.task,
            modality=Modality(row.modality),
            origin=row.origin,
            owner=row.owner,
            description=row.description,
            tags=tags[row.id],
            created_at=row.created_at,
            updated_at=row.updated_at,
            versions=counts[row.id],
            version=versions[newest[row.id]] if row.id in newest else None,
        )
        for row in rows
    ]


def latest(connection: Connection, keys: Iterable[int]) -> dict[int, int]:
    """The key of the newest live version of each model or dataset that has one."""
    return dict(connection.execute(_latest(), {"keys": list(keys)}).all())


@cache
def _latest() -> Any:
    live = version.alias("newer").with_cols(VersionColumns)
    newer = select(live.c.node_id).where(
        live.c.asset_id == version.c.asset_id, live.c.number > version.c.number, live.c.deleted_at.is_(None)
    )
    mine = among(version.c.asset_id)
    return select(version.c.asset_id, version.c.node_id).where(and_(mine, is_live(), ~newer.exists()))


def model_inputs(connection: Connection, key: int) -> tuple[VersionRef, ...]:
    """The model versions that went into a step, deleted ones too: the parents of what it made."""
    rows = connection.execute(_model_inputs(), {"step": key})
    found = {row.from_node: VersionRef(AssetKind.MODELS, name_of(row), row.number) for row in rows}
    return tuple(found.values())


@cache
def _model_inputs() -> Any:
    return (
        select(edge.c.from_node, asset.c.name, version.c.number)
        .join(node, node.c.id == edge.c.from_node)
        .join(version, version.c.node_id == edge.c.from_node)
        .join(asset, asset.c.id == version.c.asset_id)
        .where(edge.c.to_node == bindparam("step"), edge.c.superseded_by.is_(None), node.c.kind == NodeKind.MODEL)
        .order_by(edge.c.id)
    )


def with_digest(connection: Connection, digest: Digest) -> list[VersionRef]:
    """Live versions of models and datasets with this content digest, oldest first."""
    query = (
        select(version.c.node_id)
        .join(node, node.c.id == version.c.node_id)
        .where(node.c.digest == digest, is_live())
        .order_by(version.c.node_id)
    )
    keys = list(connection.scalars(query))
    refs = refs_of(connection, keys)
    return [refs[key] for key in keys]


def files_stored(
    connection: Connection, team: str, digests: Collection[Digest]
) -> dict[Digest, tuple[VersionRef, int]]:
    """Those of `digests` that are whole files of live versions of a team: the newest such version, and the size."""
    rows: list[Row[Any]] = []
    for some in chunks(digests):
        whole = (extent.c.position == 0, extent.c.offset == 0, extent.c.length == file.c.size)
        query = (
            select(file.c.sha256, file.c.size, func.max(file.c.node_id).label("newest"))
            .join(extent, extent.c.file_id == file.c.id)
            .join(version, version.c.node_id == file.c.node_id)
            .join(asset, asset.c.id == version.c.asset_id)
            .where(extent.c.blob.in_(some), file.c.sha256 == extent.c.blob, *whole, is_live())
            .where(func.substr(asset.c.name, 1, len(team) + 1) == f"{team}/")
            .group_by(file.c.sha256, file.c.size)
        )
        rows += connection.execute(query)
    refs = refs_of(connection, {row.newest for row in rows})
    return {row.sha256: (refs[row.newest], row.size) for row in rows}
