"""What the Hub's clients are shown of models, datasets and their revisions, in the fields that they read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from registry.api.hub.files import HubFile
from registry.api.hub.revisions import MAIN, Repo, Revision, every_version
from registry.domain.catalog.models import ModelSummary, SearchQuery, SortKey, VersionDetail, was_approved
from registry.domain.data.datasets import DatasetSummary
from registry.domain.drafts.drafts import NO_COMMIT
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import MAX_LIMIT, PageRequest
from registry.domain.verbs.registry import Registry
from registry.errors import BadNameError, NotFoundError, UsageError

MOST_COMMITS = 100
"""Versions that `commits` shows: the newest."""
_BASE = "base_model:"
_MOST_NODES = 50_000
"""The most that a walk of the graph gives at once."""
_SORTS = {"createdAt": SortKey.CREATED, "created_at": SortKey.CREATED}


class Asked(BaseModel):
    """What a client asks of a list. It sends more than this, such as `expand`, which changes nothing here."""

    search: str = ""
    author: str = ""
    filter: list[str] = Field(default_factory=list)
    pipeline_tag: str = ""
    sort: str = ""
    limit: int = Field(default=MAX_LIMIT, ge=1)
    cursor: str | None = None


def info(
    revision: Revision, files: Iterable[HubFile], *, blobs: bool, new_version: str | None = None
) -> dict[str, Any]:
    """A model or dataset at one revision (`model_info`, `dataset_info`); `new_version` is the id of a later one."""
    detail = revision.detail
    shown = _model(detail.model) if isinstance(detail, VersionDetail) else _dataset(detail.dataset)
    siblings = [{"rfilename": file.path} | (_blob(file) if blobs else {}) for file in files]
    license_tags = [f"license:{detail.summary.licence.lower()}"]
    card: dict[str, Any] = {"license": detail.summary.licence.lower()}
    if isinstance(detail, VersionDetail):
        bases = [Repo(one.kind, one.name, one.number).id for one in detail.parents]
        license_tags += [f"{_BASE}{base}" for base in bases]
        card |= {"pipeline_tag": detail.model.task} | ({"base_model": bases} if bases else {})
    card |= {"new_version": new_version} if new_version is not None else {}
    tags = [one for one in shown["tags"] if not one.startswith("license:")] + license_tags
    return shown | {
        "id": revision.repo.id,
        "modelId": revision.repo.id,
        "sha": revision.commit,
        "lastModified": time_of(detail.summary.created_at if revision.card is None else revision.card.written_at),
        "tags": tags,
        "cardData": card,
        "siblings": siblings,
    }


def entries(files: Mapping[str, HubFile], *, expand: bool) -> dict[str, dict[str, Any]]:
    """Files and folders by their path."""
    shown: dict[str, dict[str, Any]] = {}
    for path, file in files.items():
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth])
            shown.setdefault(
                folder,
                {
                    "type": "directory",
                    "path": folder,
                    "oid": hashlib.sha1(folder.encode(), usedforsecurity=False).hexdigest(),
                },
            )
        shown[path] = file.described(expand=expand)
    return shown


def tree(files: Mapping[str, HubFile], under: str, *, recursive: bool, expand: bool) -> list[dict[str, Any]]:
    """What lies in the folder `under`, in order of path."""
    before = f"{under}/" if under else ""
    shown = entries(files, expand=expand)
    return [
        one for path, one in shown.items() if path.startswith(before) and (recursive or "/" not in path[len(before) :])
    ]


def refs(registry: Registry, repo: Repo, main: str) -> dict[str, Any]:
    """The branch `main`, whose commit is given, and each alias as a tag."""
    tags = []
    if repo.kind is AssetKind.MODELS and not repo.pinned and not main.startswith(NO_COMMIT):
        for one in registry.catalog.model(repo.name).aliases:
            detail = registry.catalog.version(Reference.to(one.ref))
            tags.append(_ref("tags", one.alias, Revision(repo, detail, detail.card).commit))
    return {"branches": [_ref("heads", MAIN, main)], "converts": [], "tags": tags, "pullRequests": []}


def commits(registry: Registry, revision: Revision) -> list[dict[str, Any]]:
    """The revision, and before it the versions with lower numbers that somebody approved, newest first."""
    shown = [_commit(revision)]
    if revision.repo.kind is AssetKind.MODELS and not revision.repo.pinned:
        for one in every_version(registry, revision.repo):
            if len(shown) == MOST_COMMITS:
                break
            if one.ref.number < revision.ref.number and was_approved(one.stage):
                detail = registry.catalog.version(Reference.to(one.ref))
                shown.append(_commit(Revision(revision.repo, detail, detail.card)))
    return shown


def models(registry: Registry, asked: Asked) -> tuple[list[dict[str, Any]], str | None]:
    """A page of models, and the cursor of the next. What a filter leaves out makes a page shorter, never wrong."""
    page = PageRequest(min(asked.limit, MAX_LIMIT), asked.cursor)
    base = next((word.removeprefix(_BASE) for word in asked.filter if word.startswith(_BASE)), None)
    if base is not None:
        names = [one for one in _children(registry, base.rpartition(":")[2]) if one > (asked.cursor or "")]
        known = [_known(registry, Name.parse(one)) for one in names[: page.limit]]
        found = [one for one in known if one is not None and _asked_for(one, asked)]
        cursor = names[page.limit - 1] if len(names) > page.limit else None
    else:
        query = SearchQuery(
            text=" ".join(filter(None, (asked.author, asked.search))),
            task=asked.pipeline_tag or None,
            sort=_SORTS.get(asked.sort, SortKey.UPDATED),
            page=page,
        )
        one = registry.catalog.search(query)
        found, cursor = list(one.items), one.next_cursor
    wanted = {word for word in asked.filter if not word.startswith(_BASE)}
    shown = [_model(one) for one in found if not asked.author or one.name.team == asked.author]
    return [one for one in shown if wanted <= set(one["tags"])], cursor


def datasets(registry: Registry, asked: Asked) -> tuple[list[dict[str, Any]], str | None]:
    """A page of datasets, and the cursor of the next."""
    page = PageRequest(min(asked.limit, MAX_LIMIT), asked.cursor)
    found = registry.datasets.search(" ".join(filter(None, (asked.author, asked.search))), page)
    shown = [_dataset(one) for one in found.items if not asked.author or one.name.team == asked.author]
    return [one for one in shown if set(asked.filter) <= set(one["tags"])], found.next_cursor


def _children(registry: Registry, base: str) -> list[str]:
    """The names, in order, of models of which some version was made from some version of `base`, as the graph has it.

    Raises: UsageError where there are too many to be read.
    """
    try:
        repo = Repo.named(AssetKind.MODELS, *base.split("/", 1)) if "/" in base else None
        parents = list(every_version(registry, repo)) if repo else []
    except (BadNameError, NotFoundError):
        return []
    names = set()
    for one in parents:
        if repo and repo.pinned in {None, one.ref.number}:
            near = registry.lineage.show(str(one.ref), up=0, down=1, limit=_MOST_NODES)
            if not near.complete:
                raise UsageError(
                    f"More than {_MOST_NODES:,} versions and steps follow {one.ref}",
                    remedy="Walk them with forebear lineage show",
                )
            names |= {node.label.rpartition("/")[0] for node in near.nodes if node.kind == "model_version"}
    names -= {str(repo.name)} if repo else set()
    return sorted(names)


def _known(registry: Registry, name: Name) -> ModelSummary | None:
    """None for a model that was deleted: the graph keeps it."""
    try:
        return registry.catalog.model(name).summary
    except NotFoundError:
        return None


def _asked_for(model: ModelSummary, asked: Asked) -> bool:
    """Whether a child is of the task and has all words that are searched for in its name, description or tags."""
    told = " ".join((str(model.name), model.description, *model.tags)).casefold()
    return asked.pipeline_tag in {"", model.task} and all(word in told for word in asked.search.casefold().split())


def _model(model: ModelSummary) -> dict[str, Any]:
    licence = [f"license:{model.version.licence.lower()}"] if model.version else []
    return _listed(model.name, model.created_at, model.updated_at) | {
        "modelId": str(model.name),
        "pipeline_tag": model.task,
        "tags": [model.task, model.modality.value, *sorted(model.tags), *licence],
    }


def _dataset(dataset: DatasetSummary) -> dict[str, Any]:
    about = dataset.describing
    last = dataset.version.created_at if dataset.version else dataset.created_at
    tags = [about.task, about.modality.value, *sorted(about.tags), f"license:{about.licence.lower()}"]
    return _listed(dataset.name, dataset.created_at, last) | {"description": about.description, "tags": tags}


def _listed(name: Name, created: datetime, changed: datetime) -> dict[str, Any]:
    times = {"createdAt": time_of(created), "lastModified": time_of(changed)}
    return {"id": str(name), "author": name.team, "private": True, "disabled": False, "gated": False, **times}


def _blob(file: HubFile) -> dict[str, Any]:
    shown = file.described()
    return {"size": shown["size"], "blobId": shown["oid"], "lfs": {"sha256": shown["lfs"]["oid"], **shown["lfs"]}}


def _ref(kind: str, name: str, commit: str) -> dict[str, str]:
    return {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": commit}


def _commit(revision: Revision) -> dict[str, Any]:
    summary = revision.detail.summary
    at = summary.created_at if revision.card is None else revision.card.written_at
    authors = [{"user": summary.created_by}]
    return {
        "id": revision.commit,
        "title": f"Version {summary.ref.number}",
        "message": "",
        "authors": authors,
        "date": time_of(at),
    }


def time_of(at: datetime) -> str:
    """A moment as the clients read it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
