"""The catalog's verbs: registered models, versions, files, cards, tags, aliases and the end of a version's life."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import BinaryIO

from registry.domain.audit import Event
from registry.domain.catalog.marks import Marks, NewMark
from registry.domain.catalog.models import (
    AliasMove,
    AliasValue,
    CardRevision,
    Describing,
    Facet,
    HistoryEntry,
    ModelDetail,
    ModelSummary,
    SearchQuery,
    Spelling,
    Status,
    VersionDetail,
    VersionSummary,
    check_number_of_tags,
    check_tag,
    check_tags,
)
from registry.domain.catalog.picking import GivenEntry, ListedModel, ListedVersion, Picked
from registry.domain.catalog.statuses import Use, allows
from registry.domain.comparison.records import verdict_notes
from registry.domain.credentials import refuse_credentials
from registry.domain.drafts.drafts import README
from registry.domain.governance.tracking import MLFLOW
from registry.domain.governance.upstream import HUB
from registry.domain.names import AssetKind, Name, Reference, VersionRef, check_alias, model_only, no_file
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Permission
from registry.domain.transfers.provenance import notes_of
from registry.domain.verbs.catalog import CopyVersion, ImportModel, NewModel, PullPlan, PullReport, VersionDifference
from registry.errors import ConflictError, InvalidError, NotFoundError, PolicyRefusedError
from registry.services.artifacts.storing import BROKEN, open_extents
from registry.services.artifacts.watched import watched
from registry.services.catalog.searching import as_stored, search, spelling
from registry.services.context import Context
from registry.services.downloads import note
from registry.services.lookup import found, refuse_withheld, resolve, summary_of, unresolved
from registry.services.unit_of_work import UnitOfWork
from registry.services.withholding import refuse_stopped


@dataclass(frozen=True, slots=True)
class Catalog:
    """Implements `CatalogVerbs` over a unit of work and a blob store."""

    context: Context

    def import_model(self, wanted: ImportModel) -> VersionDetail:
        """Import a source model; see `registry.services.catalog.importing`."""
        self.context.actor.require(Permission.EDIT)
        if wanted.source.startswith(HUB) and not wanted.uploaded:
            from registry.services.catalog.hub_importing import import_from_hub  # noqa: PLC0415 - as below

            return self.version(Reference.to(import_from_hub(self.context, wanted)))
        if wanted.source.startswith(MLFLOW) and not wanted.uploaded:
            from registry.services.catalog.tracked_importing import import_from_tracking  # noqa: PLC0415 - as below

            return self.version(Reference.to(import_from_tracking(self.context, wanted)))
        from registry.services.catalog.importing import import_model  # noqa: PLC0415 - not needed to look at a model

        with self.context.holding() as held:
            ref = import_model(held, wanted)
        return self.version(Reference.to(ref))

    def create(self, wanted: NewModel) -> ModelDetail:
        """Take a name; see `registry.services.catalog.naming`."""
        from registry.services.catalog.naming import create  # noqa: PLC0415 - not needed to look at a model

        create(self.context, wanted)
        return self.model(wanted.name)

    def copy(self, wanted: CopyVersion) -> VersionDetail:
        """Copy a version under another name; see `registry.services.catalog.copying`."""
        from registry.services.catalog.copying import copy  # noqa: PLC0415 - not needed to look at a model

        return self.version(Reference.to(copy(self.context, wanted)))

    def search(self, query: SearchQuery) -> Page[ModelSummary]:
        """Registered models that match, a page at a time."""
        with self.context.read() as uow:
            return search(uow, query, self.context.actor.sight.hidden)

    def list_models(self, picked: Picked) -> Page[ListedModel]:
        """Registered models that the comparisons pick, a page at a time."""
        with self.context.read() as uow:
            return uow.catalog.list_models(picked, self.context.actor.sight.hidden)

    def list_versions(self, picked: Picked) -> Page[ListedVersion]:
        """Versions that the comparisons pick, a page at a time."""
        with self.context.read() as uow:
            return uow.catalog.list_versions(picked, self.context.actor.sight.hidden)

    def spelling(self, query: SearchQuery) -> Spelling:
        """What was perhaps meant by the words of a search that finds nothing."""
        with self.context.read() as uow:
            return spelling(uow, query, self.context.actor.sight.hidden)

    def facets(self, query: SearchQuery) -> Sequence[Facet]:
        """How the matches of `query` are spread over the fields that can be filtered."""
        with self.context.read() as uow:
            return uow.catalog.facets(as_stored(query), self.context.actor.sight.hidden)

    def model(self, name: Name) -> ModelDetail:
        """One registered model."""
        with self.context.read() as uow:
            return found(uow.catalog.model(name), f"models:/{name}")

    def versions(self, name: Name, page: PageRequest) -> Page[VersionSummary]:
        """Its versions, newest first."""
        with self.context.read() as uow:
            _require(uow, name, f"models:/{name}")
            return uow.catalog.versions(name, page)

    def version(self, reference: Reference) -> VersionDetail:
        """One version, by number, by alias, or the latest."""
        with self.context.read() as uow:
            detail = self._detail(uow, reference)
            manifest, void = uow.steps.manifest_and_void_reason(detail.step)
            return replace(detail, notes=(*notes_of(manifest), *verdict_notes(manifest, void)))

    def difference(self, one: Reference, other: Reference, *, weights: bool | None = None) -> VersionDifference:
        """What is otherwise in `other` than in `one`; see `registry.services.catalog.differing`."""
        from registry.services.catalog.differing import difference  # noqa: PLC0415 - not needed to look at a model

        if weights:
            self.context.actor.require(Permission.EDIT)
        return difference(self.context, one, other, weights=weights)

    def open_file(self, reference: Reference, path: str, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes of one file of a version, looked up in its manifest."""
        with self.context.read() as uow:
            ref = resolve(uow, reference)
            refuse_withheld(self.context, uow, summary_of(uow, ref))
            extents = uow.catalog.extents(ref, path)
        if extents is None:
            raise no_file(ref, path)
        size = sum(extent.length for extent in extents) - start if length is None else length
        if size:
            note(self.context, ref)
        try:
            stream = open_extents(self.context.blobs, extents, start=start, length=length)
            return watched(stream, size, lambda: self._refuse_taken_back(ref))
        except NotFoundError as error:
            raise NotFoundError(f"The stored bytes of {path!r} in {ref} are missing", remedy=BROKEN) from error

    def given_file(self, reference: Reference, path: str) -> GivenEntry:
        """One file of a pull, where it is a stored one that is written as it is."""
        with self.context.read() as uow:
            ref = resolve(uow, model_only(reference))
            one = found(uow.catalog.one_file(ref, path), reference)
            refuse_withheld(self.context, uow, one.summary)
        definition = self.context.plugins.definition(one.architecture)
        changed = path == README or one.adapter or (definition is not None and definition[0] == path)
        return GivenEntry(one.summary, None if changed else one.entry)

    def pull(self, reference: Reference, folder: Path) -> PullReport:
        """Write a version into a new folder, ready to load without Forebear."""
        from registry.services.artifacts.pulling import pull_model  # noqa: PLC0415 - not needed to look at a model

        return pull_model(self.context, self.pull_plan(reference), folder)

    def pull_plan(self, reference: Reference) -> PullPlan:
        """What `pull` writes."""
        from registry.services.artifacts.pulling import pull_plan  # noqa: PLC0415 - not needed to look at a model

        with self.context.read() as uow:
            detail = self._detail(uow, reference)
        return pull_plan(self.context, detail)

    def cards(self, reference: Reference) -> Sequence[CardRevision]:
        """Every revision of a version's card, oldest first."""
        with self.context.read() as uow:
            return uow.catalog.cards(resolve(uow, model_only(reference)))

    def revise_card(self, reference: Reference, text: str) -> CardRevision:
        """Add a revision; the payload, and so the version's digest, stays as it is."""
        from registry.services.catalog.cards import split_card  # noqa: PLC0415 - not needed to look at a model
        from registry.services.governance.disagreements import raise_what_disagrees  # noqa: PLC0415 - nor this

        split_card(text)
        with self.context.write() as uow:
            ref = resolve(uow, model_only(reference))
            card = uow.catalog.add_card(ref, text, by=self.context.actor.handle, at=self.context.clock.now())
            uow.commit(Event("card.revised", str(ref), {"revision": card.number, "digest": str(card.digest)}))
        raise_what_disagrees(self.context, ref)
        return card

    def describe(self, name: Name, describing: Describing) -> ModelDetail:
        """Replace the description of a registered model."""
        check_tags(describing.tags)
        refuse_credentials({field.name: getattr(describing, field.name) for field in fields(describing)}, "model's")
        with self.context.write() as uow:
            _require(uow, name, f"models:/{name}")
            uow.catalog.describe(name, describing, at=self.context.clock.now())
            uow.commit(Event("model.described", f"models:/{name}", {"task": describing.task}))
        return self.model(name)

    def tag(self, target: Reference, values: Mapping[str, str | None]) -> None:
        """Set or remove tags of a registered model, or of a version."""
        if not values:
            raise InvalidError("There is no tag to set", remedy="Give key=value, or --remove key")
        for key, value in values.items():
            check_tag(key, value or "")
        refuse_credentials(values, "tag")
        with self.context.write() as uow:
            where: Name | VersionRef
            if model_only(target).number is None and target.alias is None:
                where, subject = target.name, f"models:/{target.name}"
            else:
                where = resolve(uow, target)
                subject = str(where)
            tags = found(uow.catalog.set_tags(where, values, at=self.context.clock.now()), target)
            if any(value is not None for value in values.values()):  # removing some of too many is always allowed
                check_number_of_tags(tags)
            uow.commit(Event("tags.set", subject, {"tags": dict(values)}))

    def set_alias(self, target: Reference, alias: str) -> AliasValue:
        """Make `alias` name the version; nobody moves a protected alias by hand."""
        check_alias(alias)
        now, actor = self.context.clock.now(), self.context.actor.handle
        with self.context.write() as uow:
            standing = uow.catalog.standing(model_only(target))
            if standing is None:
                raise unresolved(target)
            ref, status = standing
            before = refuse_protected(uow, ref.name, alias)
            if not allows(status, Use.ALIAS):
                raise ConflictError(f"{ref} is {status}", remedy="Name a version that is in use")
            uow.catalog.set_alias(alias, ref, protected=False, by=actor, at=now)
            uow.commit(Event("alias.moved", str(ref), {"alias": alias, "from": str(before.ref) if before else None}))
        return AliasValue(alias, ref, False, now, actor)

    def drop_alias(self, name: Name, alias: str) -> None:
        """Remove the alias."""
        with self.context.write() as uow:
            reference = Reference(AssetKind.MODELS, name, alias=check_alias(alias))
            ref = found(uow.catalog.resolve(reference), reference)
            refuse_protected(uow, name, alias)
            uow.catalog.drop_alias(name, alias, by=self.context.actor.handle, at=self.context.clock.now())
            uow.commit(Event("alias.dropped", str(ref), {"alias": alias}))

    def alias_history(self, name: Name, alias: str) -> Sequence[AliasMove]:
        """Every move of the alias, oldest first; None where it was removed."""
        with self.context.read() as uow:
            _require(uow, name, f"models:/{name}")
            return uow.catalog.alias_history(name, check_alias(alias))

    def set_status(self, reference: Reference, status: Status, reason: str) -> VersionRef:
        """Give a version of a model or dataset a status; see `registry.services.governance.statuses`."""
        from registry.services.governance.statuses import set_status  # noqa: PLC0415 - not needed to look at a model

        return set_status(self.context, reference, status, reason)

    def mark(self, reference: Reference, wish: NewMark) -> Marks:
        """Set a mark on a version, or take it away; see `registry.services.catalog.marks`."""
        from registry.services.catalog.marks import mark  # noqa: PLC0415 - not needed to look at a model

        return mark(self.context, reference, wish)

    def delete(self, target: Reference, *, reason: str = "") -> None:
        """Delete a version or a registered model; see `registry.services.catalog.deleting`."""
        from registry.services.catalog.deleting import delete  # noqa: PLC0415 - not needed to look at a model

        delete(self.context, target, reason=reason)

    def history(self, name: Name, page: PageRequest) -> Page[HistoryEntry]:
        """What happened to the model and its versions, newest first."""
        with self.context.read() as uow:
            _require(uow, name, f"models:/{name}")
            return uow.audit.search(subject=f"models:/{name}/*", action=None, page=page)

    def _refuse_taken_back(self, ref: VersionRef) -> None:
        """Raises: WithheldError, RecalledError for a version that was taken back since its file was opened."""
        with self.context.read() as uow:
            for one, status in uow.recalls.stopped([ref]).items():
                refuse_stopped(uow, one, status, actor=self.context.actor, now=self.context.clock.now())

    @staticmethod
    def _detail(uow: UnitOfWork, reference: Reference) -> VersionDetail:
        model_only(reference)
        if reference.number is not None:  # most ask for a number: it need not be looked up first
            exact = uow.catalog.version(VersionRef(reference.kind, reference.name, reference.number))
            if exact is not None:
                return exact
        return found(uow.catalog.version(resolve(uow, reference)), reference)


def _require(uow: UnitOfWork, name: Name, what: object) -> None:
    """Raises: NotFoundError, which names `what`."""
    if not uow.catalog.has_model(name):
        found(None, what)


def refuse_protected(uow: UnitOfWork, name: Name, alias: str) -> AliasValue | None:
    """What the alias names now. One that a promotion has moved stays protected whatever the policies say since.

    Raises: PolicyRefusedError.
    """
    from registry.services.governance.policies.stored import protected_aliases  # noqa: PLC0415 - not needed to look at a model

    now = uow.catalog.alias(name, alias)
    if (now is not None and now.protected) or alias in protected_aliases(uow):
        raise PolicyRefusedError(
            "The alias is protected",
            (f"Nobody moves {alias!r} by hand; it follows a promotion: forebear promote request",),
        )
    return now
