"""How those who may contribute see a draft: as the revision `draft`, by its commit id, and as `main` of a new model.

Of its bytes only the card is given out: nobody has looked at the others, and a version is made of them first.
"""

from __future__ import annotations

import io
from typing import Any

from registry.api.hub.files import HubFile
from registry.api.hub.listing import time_of
from registry.api.hub.refusals import Code, HubRefusal
from registry.api.hub.revisions import MAIN, Repo
from registry.domain.drafts.drafts import NO_COMMIT, README, Draft
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name
from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, RefusedError

DRAFT = "draft"
"""The revision by which a draft is read."""


def draft_or_none(registry: Registry, name: Name) -> Draft | None:
    """The draft of a model; None where there is none."""
    try:
        return registry.drafts.show(name)
    except NotFoundError:
        return None


def draft_at(registry: Registry, repo: Repo, revision: str) -> Draft | None:
    """The draft that a revision which no version has may mean to this caller."""
    if repo.kind is not AssetKind.MODELS or repo.pinned or Permission.EDIT not in registry.actor.permissions:
        return None
    if revision not in {MAIN, DRAFT} and not revision.startswith(NO_COMMIT):
        return None
    draft = draft_or_none(registry, repo.name)
    return None if draft is None or revision not in {MAIN, DRAFT, draft.head} else draft


def files_of_draft(registry: Registry, draft: Draft) -> dict[str, HubFile]:
    """The files of a draft by their path. Whoever opens one that is not the card is refused."""

    def of_card(start: int, length: int) -> io.BytesIO:
        return io.BytesIO((registry.drafts.card(draft.name) or "").encode()[start : start + length])

    def refused(_start: int, _length: int) -> io.BytesIO:
        raise HubRefusal(
            RefusedError(
                f"Files of a draft are not given out, and this is the draft of {draft.name}",
                remedy=f"Make a version of it first: forebear register {draft.name}",
            ),
            Code.GATED,
        )

    def given(entry: FileEntry) -> HubFile:
        return HubFile(entry, of_card if entry.path == README else refused)

    return {entry.path: given(entry) for entry in draft.files}


def info(draft: Draft, *, blobs: bool) -> dict[str, Any]:
    """A draft as `model_info` shows it."""
    one = draft.summary
    siblings = [
        {"rfilename": file.path} | ({"size": file.size, "lfs": {"sha256": file.sha256.hex}} if blobs else {})
        for file in draft.files
    ]
    return {
        "id": str(one.name),
        "modelId": str(one.name),
        "author": one.name.team,
        "sha": one.head,
        "private": True,
        "disabled": False,
        "gated": False,
        "tags": [],
        "siblings": siblings,
        "createdAt": time_of(one.created_at),
        "lastModified": time_of(one.changed_at),
    }


def last_commit(draft: Draft) -> dict[str, Any]:
    """The commit that a draft is at, as `commits` shows it."""
    one = draft.summary
    authors, at = [{"user": one.changed_by}], time_of(one.changed_at)
    return {"id": one.head, "title": "Draft", "message": "", "authors": authors, "date": at}


def warning(draft: Draft) -> str:
    """What a client prints about a draft."""
    return f"This is the draft of {draft.name}, which is no version yet: forebear register {draft.name}"
