"""Imports from a Hub: the repository is asked first, then exactly the files that are needed are fetched and checked.

What fetches reads nothing but the Hub's own lists: the files go to a folder, and from there the way of every other
import, whose subprocess has no network. Of what people say, only what the import cannot know itself is taken.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from registry.domain.governance.hub import (
    Chosen,
    HubFile,
    HubRepository,
    HubSource,
    chosen,
    read_repository,
)
from registry.domain.names import VersionRef
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    DigestMismatchError,
    InvalidError,
    RefusedError,
    TooLargeError,
    UnavailableError,
)
from registry.folders import writing
from registry.outgoing.fetching import Site, fetch
from registry.services.catalog import fetched
from registry.services.catalog.fetched import ATTEMPTS, fetched_note, licence_in, one_of_two, parents_of, seconds_for
from registry.services.catalog.importing import check_wanted, import_model
from registry.services.context import Context
from registry.services.workspace import workspace
from registry.settings import Settings

MAX_LIST = 16 * 1024**2
"""Bytes of what the Hub answers about a repository."""


def import_from_hub(context: Context, wanted: ImportModel) -> VersionRef:
    """See `CatalogVerbs.import_model`, with a source such as `hf:org/name@main`.

    Raises: RefusedError where no Hub is allowed; what `fetch` raises; DigestMismatchError.
    """
    source = HubSource.parse(wanted.source)
    with one_of_two():
        return _import(context, wanted, source)


def _import(context: Context, wanted: ImportModel, source: HubSource) -> VersionRef:
    if wanted.origin is not None:
        raise InvalidError("The origin of an import from a Hub is its repository", remedy="Leave --origin out")
    hub = _hub(context, source)
    check_wanted(context, wanted)
    repository = _ask(hub, source)
    taken = chosen(repository)
    limit = context.settings.max_upload
    if taken.size > limit:
        raise TooLargeError(
            f"The files of {repository.upstream} that are needed have {taken.size:,} bytes, and at most {limit:,} are "
            "fetched",
            remedy="FOREBEAR_MAX_UPLOAD sets the limit",
        )
    with workspace(context.home, "import") as work:
        folder = work / "files"
        _fetch_all(hub, repository, taken, folder)
        parents, unclear = (
            (wanted.parents, ()) if wanted.parents else parents_of(context, repository.bases, folder, "its card")
        )
        ready = replace(
            wanted,
            source=str(folder),
            uploaded=True,
            origin=str(repository.upstream),
            task=wanted.task or repository.task or None,
            licence=wanted.licence or licence_in(folder) or repository.licence or None,
            parents=parents,
        )
        with context.holding() as held:
            return import_model(held, ready, notes=(fetched_note(hub.url, taken.left), *unclear))


def hub_of(settings: Settings) -> Site | None:
    """The Hub that the settings name. Raises: UsageError."""
    if settings.hub_url is None:
        return None
    return Site(settings.hub_url, settings.hub_hosts, settings.hub_private_hosts, settings.hub_token)


def _hub(context: Context, source: HubSource) -> Site:
    """Raises: RefusedError, UsageError."""
    hub = hub_of(context.settings)
    if hub is None:
        command = f"hf download {source.repository} --revision {source.revision}"
        raise RefusedError(
            f"{source} is not here, and no Hub is set that this registry may fetch it from",
            remedy=f"Download it first: {command}. Then import the folder that this prints; its origin is recorded "
            "with its commit. Or set FOREBEAR_HUB_URL (docs/models.md)",
        )
    return hub


def _ask(hub: Site, source: HubSource) -> HubRepository:
    body = bytearray()
    path = f"/api/models/{quote(source.repository)}/revision/{quote(source.revision, safe='')}?blobs=true"
    fetch(hub, path, most=MAX_LIST, seconds=fetched.LIST_SECONDS, into=body.extend)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"What {hub.url} answers about {source} is not JSON") from error
    return read_repository(source, document)


def _fetch_all(hub: Site, repository: HubRepository, taken: Chosen, folder: Path) -> None:
    with writing(folder):
        folder.mkdir()
    for one in taken.files:
        target = folder / one.path  # a clean relative path, and no file is a folder: the list was checked
        with writing(folder):
            target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(hub, repository, one, target)


def _fetch(hub: Site, repository: HubRepository, one: HubFile, target: Path) -> None:
    """Raises: as `fetch`; DigestMismatchError for other bytes than the Hub lists, or for another commit."""
    upstream, hashed, come = repository.upstream, one.hashing(), 0
    path = f"/{quote(upstream.repository)}/resolve/{upstream.revision}/{quote(one.path)}"
    with writing(target.parent), target.open("xb") as out:

        def into(chunk: bytes) -> None:
            nonlocal come
            with writing(target.parent):
                out.write(chunk)
            hashed.update(chunk)
            come += len(chunk)

        for attempt in range(1, ATTEMPTS + 1):
            left = one.size - come
            try:
                header = fetch(hub, path, most=left, seconds=seconds_for(left), into=into, start=come)
            except TooLargeError as error:
                raise DigestMismatchError(f"More came of {one.path!r} of {upstream} than the Hub lists") from error
            except UnavailableError:
                if attempt == ATTEMPTS or come == one.size:
                    raise
                continue
            if header.get("x-repo-commit", upstream.revision) != upstream.revision:
                raise DigestMismatchError(f"{one.path!r} came from another commit than {upstream}", remedy="Try again")
            if come == one.size:
                break
    if hashed.hexdigest() != one.expected:
        raise DigestMismatchError(
            f"What came as {one.path!r} of {upstream} does not have the digest that the Hub lists",
            remedy="Try again; if it fails again, do not trust this source",
            facts={"expected": one.expected, "actual": hashed.hexdigest()},
        )
