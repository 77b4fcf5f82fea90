"""Revisions as the Hub's clients name them: `main`, an alias, a number, or a commit id of 40 hex digits.

A commit id stands for a version with one revision of its card, since clients keep files by commit id for ever
(`registry.domain.catalog.commits`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from registry.api.hub.refusals import Code, HubRefusal
from registry.domain.catalog.commits import commit_of
from registry.domain.catalog.models import (
    PRODUCTION,
    RETIRED,
    CardRevision,
    VersionDetail,
    VersionSummary,
    was_approved,
)
from registry.domain.catalog.statuses import STOPPED, Use, notice
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.names import AssetKind, Name, Reference, VersionRef, check_alias, read_number, read_pinned
from registry.domain.paging import PageRequest, every
from registry.domain.verbs.catalog import PullPlan
from registry.domain.verbs.registry import Registry
from registry.errors import BadReferenceError, NotFoundError

Detail = VersionDetail | DatasetVersionDetail
MAIN = "main"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Repo:
    """What a client calls a repository: a model or dataset, or with `pinned` one version of it alone."""

    kind: AssetKind
    name: Name
    pinned: int | None = None

    @classmethod
    def named(cls, kind: AssetKind, team: str, name: str) -> Repo:
        """`name.v3` is version 3 of `name`, whatever revision is asked of it. Raises: BadNameError."""
        return cls(kind, *read_pinned(f"{team}/{name}"))

    @property
    def id(self) -> str:
        """The id as the client wrote it."""
        return f"{self.name}.v{self.pinned}" if self.pinned else str(self.name)


@dataclass(frozen=True, slots=True)
class Revision:
    """A version with one revision of its card, and the commit id that stands for both."""

    repo: Repo
    detail: Detail
    card: CardRevision | None
    plan: PullPlan | None = None
    """What a pull of a model writes."""

    @property
    def ref(self) -> VersionRef:
        """The version."""
        return self.detail.summary.ref

    @property
    def commit(self) -> str:
        """The commit id."""
        return commit_of(self.ref, str(self.detail.summary.digest), self.card)

    @property
    def notice(self) -> str:
        """What is to be said of a version that is deprecated or archived; else empty."""
        return notice(self.ref, self.detail.summary.status, self.detail.status_reason, Use.READ)


def revision_of(registry: Registry, repo: Repo, revision: str, *, unapproved: bool) -> Revision:
    """What `revision` of `repo` means now. `unapproved`: whether versions that nobody approved are served too.

    Raises: HubRefusal, which tells the client whether the repository or the revision is missing, and whether to forget
    what it keeps of it; RefusedError for a version that is withheld; ParentChangedError.
    """
    found = _found(registry, repo, revision, unapproved=unapproved)
    _refuse_unapproved(found, unapproved=unapproved)
    exact = Reference.to(found.ref)
    if repo.kind is AssetKind.MODELS:
        return replace(found, plan=registry.catalog.pull_plan(exact))
    for first in found.detail.files[:1]:
        registry.catalog.open_file(exact, first.path, length=0).close()  # what is withheld is not described either
    return found


def every_version(registry: Registry, repo: Repo) -> Iterator[VersionSummary]:
    """The versions of a model, newest first."""
    return every(partial(registry.catalog.versions, repo.name))


def successor(registry: Registry, revision: Revision, *, unapproved: bool) -> str | None:
    """The id that stands for the newest later version that is given out, as a cascade makes one; None without one."""
    if revision.repo.kind is not AssetKind.MODELS:
        return None
    for one in every_version(registry, revision.repo):
        if one.ref.number <= revision.ref.number:
            break
        if one.status not in STOPPED and one.stage != RETIRED and (unapproved or was_approved(one.stage)):
            return Repo(AssetKind.MODELS, one.ref.name, one.ref.number).id
    return None


def _found(registry: Registry, repo: Repo, revision: str, *, unapproved: bool) -> Revision:
    try:
        if repo.pinned:
            return _newest_card(registry, repo, Reference(repo.kind, repo.name, repo.pinned))
        if _COMMIT.fullmatch(revision):
            return _at_commit(registry, repo, revision)
        if (number := read_number(revision)) is not None:
            return _newest_card(registry, repo, Reference(repo.kind, repo.name, number))
        if revision == MAIN:
            return _newest_card(registry, repo, _default(registry, repo, unapproved=unapproved))
        return _at_alias(registry, repo, revision)
    except NotFoundError as error:
        _check_repo(registry, repo)
        raise HubRefusal(error, Code.REVISION) from error


def _check_repo(registry: Registry, repo: Repo) -> None:
    """Raises: HubRefusal when there is no such model or dataset."""
    try:
        if repo.kind is AssetKind.MODELS:
            registry.catalog.model(repo.name)
        else:
            registry.datasets.versions(repo.name, PageRequest(1))
    except NotFoundError as error:
        raise HubRefusal(error, Code.REPO) from error


def _detail(registry: Registry, reference: Reference) -> Detail:
    if reference.kind is AssetKind.MODELS:
        return registry.catalog.version(reference)
    return registry.datasets.version(reference)


def _newest_card(registry: Registry, repo: Repo, reference: Reference) -> Revision:
    detail = _detail(registry, reference)
    return Revision(repo, detail, detail.card if isinstance(detail, VersionDetail) else None)


def _at_commit(registry: Registry, repo: Repo, commit: str) -> Revision:
    """The version that a commit id names, with the card that it had then, whatever its card is now."""
    missing = NotFoundError(f"{repo.id} has no revision {commit}")
    number = int(commit[:8], 16)
    if not number:
        raise missing
    reference = Reference(repo.kind, repo.name, number)
    found = _newest_card(registry, repo, reference)
    if found.commit != commit and repo.kind is AssetKind.MODELS:
        wanted = int(commit[8:12], 16)
        cards = [card for card in registry.catalog.cards(reference) if card.number % 0x10000 == wanted]
        found = next((one for card in cards if (one := Revision(repo, found.detail, card)).commit == commit), found)
    if found.commit != commit:
        raise missing
    return found


def _at_alias(registry: Registry, repo: Repo, alias: str) -> Revision:
    missing = NotFoundError(f"{repo.id} has no revision {alias[:80]!r}")
    if repo.kind is not AssetKind.MODELS:
        raise missing
    try:
        check_alias(alias)
        return _newest_card(registry, repo, Reference(repo.kind, repo.name, alias=alias))
    except NotFoundError as error:
        if registry.catalog.alias_history(repo.name, alias):
            told = NotFoundError(f"The alias {alias!r} of {repo.id} was taken away")
            raise HubRefusal(told, Code.REVISION, 410) from error
        raise missing from error
    except BadReferenceError as error:
        raise missing from error


def _default(registry: Registry, repo: Repo, *, unapproved: bool) -> Reference:
    """What `main` means: what the alias `production` names; else the newest version that may be served."""
    if repo.kind is AssetKind.DATASETS:
        return Reference(repo.kind, repo.name)
    names = {one.alias: one.ref for one in registry.catalog.model(repo.name).aliases}
    if PRODUCTION in names:
        return Reference.to(names[PRODUCTION])
    newest: VersionSummary | None = None
    for one in every_version(registry, repo):
        newest = newest or one
        if one.status not in STOPPED and (unapproved or was_approved(one.stage)):
            return Reference.to(one.ref)
    if newest is None:
        raise NotFoundError(f"{repo.id} has no version yet")
    return Reference.to(newest.ref)  # which is refused with its reason


def _refuse_unapproved(found: Revision, *, unapproved: bool) -> None:
    if not isinstance(found.detail, VersionDetail):
        return
    stage = found.detail.summary.stage
    if stage == RETIRED:
        raise HubRefusal(NotFoundError(f"{found.ref} is retired"), Code.REVISION, 410)
    if not unapproved and not was_approved(stage):
        raise HubRefusal.unapproved(found.ref, stage)
