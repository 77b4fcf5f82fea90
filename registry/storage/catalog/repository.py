"""The catalog's repository: registered models, versions, files, aliases, tags and cards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from lineage import Digest
from registry.domain.catalog.models import (
    AliasMove,
    AliasValue,
    CardRevision,
    Describing,
    Facet,
    ModelDetail,
    ModelSummary,
    SearchQuery,
    Status,
    VersionDetail,
    VersionSummary,
)
from registry.domain.catalog.picking import ListedModel, ListedVersion, Picked
from registry.domain.governance.upstream import Pinned, Upstream
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.services.storage.catalog import Extent, NewVersion, OneFile
from registry.storage.catalog import (
    aliases,
    assets,
    changes,
    descendants,
    details,
    documents,
    listings,
    picking,
    search,
    spelling,
    upstreams,
    versions,
    wording,
)
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.sql.prebuilt import inserting
from registry.storage.tables import (
    alias,
    asset,
    card_revision,
    dataset_version,
    extent,
    file,
    model_version,
    node,
    version,
)

MODELS = AssetKind.MODELS


class SqlCatalog:
    """Implements `CatalogRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._standing: tuple[VersionRef, aliases.Place] | None = None
        """The version that was looked up last, and where it is."""

    def model(self, name: Name) -> ModelDetail | None:
        return details.model_detail(self._connection, name)

    def has_model(self, name: Name) -> bool:
        return assets.asset_key(self._connection, MODELS, name) is not None

    def is_taken(self, kind: AssetKind, name: Name) -> bool:
        return assets.is_taken(self._connection, kind, name)

    def add_model(self, name: Name, describing: Describing, *, owner: str, at: datetime) -> None:
        assets.add_asset(self._connection, MODELS, name, describing, owner=owner, at=at)

    def describe(self, name: Name, describing: Describing, *, at: datetime) -> None:
        assets.describe_asset(self._connection, MODELS, name, describing, at=at)

    def next_number(self, kind: AssetKind, name: Name) -> int:
        return assets.next_number(self._connection, kind, name)

    def add_version(self, new: NewVersion) -> None:
        key, owner = versions.write_version(
            self._connection,
            new.ref,
            new.manifest,
            licence=new.licence,
            step_id=new.step_id,
            created_at=new.created_at,
            created_by=new.created_by,
        )
        row = {"node_id": key, "architecture": new.architecture, "stage": new.stage}
        row |= {"status": Status.ACTIVE, "status_reason": "", "updated_at": new.created_at}
        _ADD_MODEL_VERSION.run(self._connection, row)
        listings.list_version(self._connection, owner, key, licence=new.licence, stage=new.stage)
        documents.put_version(self._connection, owner, key, new.architecture)
        if new.tags:
            versions.set_version_tags(self._connection, new.ref, new.tags, at=new.created_at)

    def resolve(self, reference: Reference) -> VersionRef | None:
        name = reference.name
        if reference.number is not None:
            ref = VersionRef(reference.kind, name, reference.number)
            return None if assets.find_version(self._connection, ref) is None else ref
        given = {"kind": reference.kind, "name": str(name), "folded": name.folded}
        if reference.alias is None:
            number = self._connection.execute(_newest_number(), given).scalar_one_or_none()
        else:
            given["alias"] = reference.alias
            number = self._connection.execute(_number_by_alias(), given).scalar_one_or_none()
        return None if number is None else VersionRef(reference.kind, name, number)

    def standing(self, reference: Reference) -> tuple[VersionRef, Status] | None:
        number = reference.number
        ref = self.resolve(reference) if number is None else VersionRef(reference.kind, reference.name, number)
        if ref is None:
            return None
        row = self._connection.execute(_status(), {"label": str(ref)}).one_or_none()
        if row is None:
            return None
        self._standing = ref, aliases.Place(row.node_id, row.asset_id)
        return ref, Status(row.status)

    def version(self, ref: VersionRef) -> VersionDetail | None:
        return details.version_detail(self._connection, ref) if ref.kind is MODELS else None

    def summary(self, ref: VersionRef) -> VersionSummary | None:
        row = assets.find_version(self._connection, ref) if ref.kind is MODELS else None
        return None if row is None else versions.version_summaries(self._connection, [row.node_id])[row.node_id]

    def pin(self, ref: VersionRef, source: Upstream) -> None:
        upstreams.pin(self._connection, ref, source)

    def source_of(self, ref: VersionRef) -> str:
        return upstreams.source_of(self._connection, ref)

    def pinned(self, page: PageRequest) -> Page[Pinned]:
        return upstreams.pinned(self._connection, page)

    def pinned_to(self, repository: str) -> Sequence[Pinned]:
        return upstreams.pinned_to(self._connection, repository)

    def files_stored(self, team: str, digests: Collection[Digest]) -> Mapping[Digest, tuple[VersionRef, int]]:
        return versions.files_stored(self._connection, team, digests)

    def versions_with(self, digest: Digest) -> Sequence[VersionRef]:
        return versions.with_digest(self._connection, digest)

    def list_models(self, picked: Picked, hidden: Collection[str] = ()) -> Page[ListedModel]:
        return picking.list_models(self._connection, picked, hidden)

    def list_versions(self, picked: Picked, hidden: Collection[str] = ()) -> Page[ListedVersion]:
        return picking.list_versions(self._connection, picked, hidden)

    def versions(self, name: Name, page: PageRequest) -> Page[VersionSummary]:
        statement = (
            select(version.c.node_id)
            .join(asset, asset.c.id == version.c.asset_id)
            .where(assets.is_named(), versions.is_live())
            .params(kind=MODELS, name=str(name), folded=name.folded)
        )
        order = [SortBy(version.c.number, int, descending=True)]
        rows, cursor = page_rows(self._connection, statement, order, page, scope=f"versions {name}")
        keys = [row.node_id for row in rows]
        found = versions.version_summaries(self._connection, keys)
        return Page([found[key] for key in keys], cursor)

    def search(self, query: SearchQuery, hidden: Collection[str] = ()) -> Page[ModelSummary]:
        return search.search_models(self._connection, query, hidden)

    def spellings(self, text: str, hidden: Collection[str] = ()) -> Sequence[Sequence[str]]:
        def seen(word: str) -> bool:
            return bool(self.search(SearchQuery(text=word, page=PageRequest(1)), hidden).items)

        words = documents.phrase_of(text).split()
        return [spelling.meant(self._connection, word, seen if hidden else None) for word in words]

    def known(self, field: str, hidden: Collection[str] = ()) -> Sequence[str]:
        from registry.storage.catalog import facets  # noqa: PLC0415 -- numpy: most commands count nothing

        return facets.known_values(self._connection, field, hidden)

    def facets(self, query: SearchQuery, hidden: Collection[str] = ()) -> Sequence[Facet]:
        from registry.storage.catalog import facets  # noqa: PLC0415 -- as above

        return facets.count_facets(self._connection, query, hidden)

    def listing_faults(self) -> Mapping[str, int]:
        from registry.storage.catalog import blocks  # noqa: PLC0415 -- as above

        faults = {
            **listings.differences(self._connection),
            "facet_block": blocks.count_faults(self._connection),
            "document": documents.count_faults(self._connection),
            "wording": wording.count_faults(self._connection),
        }
        return {table: count for table, count in faults.items() if count}

    def pack_facets(self) -> bool:
        if not changes.many(self._connection):
            return False
        from registry.storage.catalog import blocks  # noqa: PLC0415 -- as above

        blocks.refresh(self._connection)
        return True

    def rebuild_listings(self) -> None:
        from registry.storage.catalog import blocks  # noqa: PLC0415 -- as above

        listings.rebuild(self._connection)
        blocks.rebuild(self._connection)
        documents.rebuild(self._connection)

    def one_file(self, ref: VersionRef, path: str) -> OneFile | None:
        return details.one_file(self._connection, ref, path)

    def extents(self, ref: VersionRef, path: str) -> Sequence[Extent] | None:
        row = assets.find_version(self._connection, ref)
        if row is None:
            return None
        query = (
            select(extent)
            .join(file, file.c.id == extent.c.file_id)
            .where(file.c.node_id == row.node_id, file.c.path == path)
            .order_by(extent.c.position)
        )
        found = [Extent(r.blob, r.offset, r.length) for r in self._connection.execute(query)]
        return found or None

    def all_extents(self, ref: VersionRef) -> Mapping[str, Sequence[Extent]]:
        query = (
            select(extent, file.c.path)
            .join(file, file.c.id == extent.c.file_id)
            .join(version, version.c.node_id == file.c.node_id)
            .join(node, node.c.id == file.c.node_id)
            .where(node.c.label == str(ref), versions.is_live())
            .order_by(file.c.id, extent.c.position)
        )
        found: dict[str, list[Extent]] = {}
        for r in self._connection.execute(query):
            found.setdefault(r.path, []).append(Extent(r.blob, r.offset, r.length))
        return found

    def set_tags(
        self, target: Name | VersionRef, values: Mapping[str, str | None], *, at: datetime
    ) -> Mapping[str, str] | None:
        if isinstance(target, Name):
            return assets.set_asset_tags(self._connection, MODELS, target, values, at=at)
        return versions.set_version_tags(self._connection, target, values, at=at)

    def add_card(self, ref: VersionRef, text: str, *, by: str, at: datetime, generated: bool = False) -> CardRevision:
        row = assets.require_version(self._connection, ref)
        mine = card_revision.c.node_id == row.node_id
        count = self._connection.execute(select(func.count()).select_from(card_revision).where(mine)).scalar_one()
        revision = CardRevision(count + 1, Digest.of(text.encode()), text, at, by, generated)
        self._connection.execute(
            insert(card_revision).values(
                node_id=row.node_id,
                number=revision.number,
                digest=revision.digest,
                text=text,
                written_at=at,
                written_by=by,
                generated=generated,
            )
        )
        self._connection.execute(_update(), {"key": row.node_id, "updated_at": at})
        documents.write_version(self._connection, row.node_id)
        return revision

    def cards(self, ref: VersionRef) -> Sequence[CardRevision]:
        row = assets.find_version(self._connection, ref)
        if row is None:
            return []
        query = select(card_revision).where(card_revision.c.node_id == row.node_id).order_by(card_revision.c.number)
        rows = self._connection.execute(query)
        return [_revision(r) for r in rows]

    def set_alias(self, alias: str, ref: VersionRef, *, protected: bool, by: str, at: datetime) -> None:
        place = self._standing[1] if self._standing is not None and self._standing[0] == ref else None
        aliases.set_alias(self._connection, alias, ref, place, protected=protected, by=by, at=at)

    def alias(self, name: Name, alias: str) -> AliasValue | None:
        return aliases.one_alias(self._connection, name, alias)

    def drop_alias(self, name: Name, alias: str, *, by: str, at: datetime) -> None:
        aliases.drop_alias(self._connection, name, alias, by=by, at=at)

    def alias_history(self, name: Name, alias: str) -> Sequence[AliasMove]:
        return aliases.alias_history(self._connection, name, alias)

    def named_then(self, alias: str, at: datetime, page: PageRequest) -> Page[tuple[VersionRef, AliasMove]]:
        return aliases.named_then(self._connection, alias, at, page)

    def named_by(self, names: Iterable[str]) -> Sequence[AliasValue]:
        return aliases.named_by(self._connection, names)

    def set_stage(self, ref: VersionRef, stage: str, *, at: datetime) -> None:
        self._change(ref, at, {"stage": stage}, updated_at=at)

    def set_status(self, ref: VersionRef, status: Status, reason: str, *, at: datetime) -> None:
        more = {"updated_at": at} if ref.kind is MODELS else {}
        self._change(ref, at, {"status": status}, status_reason=reason, **more)

    def used_descendants(
        self, refs: Sequence[VersionRef], *, except_in: Iterable[str], aliases: Iterable[str]
    ) -> Sequence[VersionSummary]:
        return descendants.used_descendants(self._connection, refs, except_in=except_in, aliases=aliases)

    def delete_version(self, ref: VersionRef, *, at: datetime) -> None:
        row, self._standing = assets.require_version(self._connection, ref), None
        with listings.listed(self._connection, row.asset_id):
            self._connection.execute(update(version).where(version.c.node_id == row.node_id).values(deleted_at=at))
            listings.relist(self._connection, row.asset_id)
        documents.forget(self._connection, row.asset_id, [row.node_id])
        assets.touch(self._connection, row.asset_id, at)

    def delete_model(self, name: Name, *, at: datetime) -> None:
        key, self._standing = assets.asset_id(self._connection, MODELS, name), None
        live = (version.c.asset_id == key) & versions.is_live()
        ended = self._connection.scalars(select(version.c.node_id).where(live)).all()
        with listings.listed(self._connection, key):
            self._connection.execute(update(version).where(live).values(deleted_at=at))
            self._connection.execute(update(asset).where(asset.c.id == key).values(deleted_at=at, updated_at=at))
            listings.relist(self._connection, key)
        documents.forget(self._connection, key, [-key, *ended])

    def rename_model(self, name: Name, new: Name, describing: Describing, *, at: datetime) -> None:
        assets.rename_asset(self._connection, MODELS, name, new)
        assets.describe_asset(self._connection, MODELS, new, describing, at=at)

    def free_name(self, name: Name) -> None:
        assets.remove_asset(self._connection, assets.asset_id(self._connection, MODELS, name))

    def _change(self, ref: VersionRef, at: datetime, shown: Mapping[str, str], **more: str | datetime) -> None:
        row = assets.require_version(self._connection, ref)
        table = model_version if ref.kind is MODELS else dataset_version
        with listings.listed(self._connection, row.asset_id):
            mine = table.c.node_id == row.node_id
            self._connection.execute(update(table).where(mine).values(**shown, **more))
            listings.change_listing(self._connection, row.node_id, **shown)
        assets.touch(self._connection, row.asset_id, at)


def _revision(row: Row[Any]) -> CardRevision:
    return CardRevision(row.number, row.digest, row.text, row.written_at, row.written_by, bool(row.generated))


@cache
def _update() -> Any:
    return update(model_version).where(model_version.c.node_id == bindparam("key"))


_ADD_MODEL_VERSION = inserting(
    model_version, "node_id", "architecture", "stage", "status", "status_reason", "updated_at"
)


@cache
def _status() -> Any:
    return (
        select(model_version.c.status, version.c.node_id, version.c.asset_id)
        .join(node, node.c.id == model_version.c.node_id)
        .join(version, version.c.node_id == model_version.c.node_id)
        .where(node.c.label == bindparam("label"), versions.is_live())
    )


@cache
def _newest_number() -> Any:
    return (
        select(version.c.number)
        .join(asset, asset.c.id == version.c.asset_id)
        .where(assets.is_named(), versions.is_live())
        .order_by(version.c.number.desc())
        .limit(1)
    )


@cache
def _number_by_alias() -> Any:
    return (
        select(version.c.number)
        .join(alias, alias.c.node_id == version.c.node_id)
        .join(asset, asset.c.id == alias.c.asset_id)
        .where(assets.is_named(), alias.c.alias == bindparam("alias"), versions.is_live())
    )
