"""Imports from a Hub: the repository is asked first, then exactly the files that are needed are fetched and checked.

What fetches reads nothing but the Hub's own lists: the files go to a folder, and from there the way of every other
import, whose subprocess has no network. Of what people say, only what the import cannot know itself is taken.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore
from urllib.parse import quote

from registry.domain.governance.hub import (
    ADAPTER,
    CARD,
    Chosen,
    HubFile,
    HubRepository,
    HubSource,
    chosen,
    read_repository,
)
from registry.domain.names import Reference, VersionRef
from registry.domain.people.teams import Level
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    DigestMismatchError,
    InvalidError,
    RefusedError,
    TooLargeError,
    UnavailableError,
)
from registry.folders import writing
from registry.outgoing.fetching import Hub, fetch
from registry.services.catalog.cards import MAX_CARD, card_licence
from registry.services.catalog.importing import check_wanted, import_model
from registry.services.context import Context
from registry.services.workspace import workspace
from registry.settings import Settings

MAX_LIST = 16 * 1024**2
"""Bytes of what the Hub answers about a repository."""
LIST_SECONDS = 30.0
FILE_SECONDS, SLOWEST = 60.0, 256 * 1024
"""A file may take so many seconds, and one more for each `SLOWEST` bytes."""
ATTEMPTS = 3
"""How often a file is asked for whose bytes break off; each time from the last byte that came."""
_AT_ONCE = BoundedSemaphore(2)
"""Imports that go on at once in this process: each holds a thread, and room on the disk, for as long as it takes."""
_NAMED = 5
"""Files that a note names."""


def import_from_hub(context: Context, wanted: ImportModel) -> VersionRef:
    """See `CatalogVerbs.import_model`, with a source such as `hf:org/name@main`.

    Raises: RefusedError where no Hub is allowed; what `fetch` raises; DigestMismatchError.
    """
    source = HubSource.parse(wanted.source)
    if not _AT_ONCE.acquire(blocking=False):
        raise UnavailableError(
            "Two imports from a Hub are going on already", remedy="Repeat it when one of them has ended"
        )
    try:
        return _import(context, wanted, source)
    finally:
        _AT_ONCE.release()


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
        parents, unclear = (wanted.parents, ()) if wanted.parents else _parents(context, repository, folder)
        ready = replace(
            wanted,
            source=str(folder),
            uploaded=True,
            origin=str(repository.upstream),
            task=wanted.task or repository.task or None,
            licence=wanted.licence or _licence(folder) or repository.licence or None,
            parents=parents,
        )
        with context.holding() as held:
            return import_model(held, ready, notes=(_note(hub, taken), *unclear))


def hub_of(settings: Settings) -> Hub | None:
    """The Hub that the settings name. Raises: UsageError."""
    if settings.hub_url is None:
        return None
    return Hub(settings.hub_url, settings.hub_hosts, settings.hub_private_hosts, settings.hub_token)


def _hub(context: Context, source: HubSource) -> Hub:
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


def _ask(hub: Hub, source: HubSource) -> HubRepository:
    body = bytearray()
    path = f"/api/models/{quote(source.repository)}/revision/{quote(source.revision, safe='')}?blobs=true"
    fetch(hub, path, most=MAX_LIST, seconds=LIST_SECONDS, into=body.extend)
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"What {hub.url} answers about {source} is not JSON") from error
    return read_repository(source, document)


def _fetch_all(hub: Hub, repository: HubRepository, taken: Chosen, folder: Path) -> None:
    with writing(folder):
        folder.mkdir()
    for one in taken.files:
        target = folder / one.path  # a clean relative path, and no file is a folder: the list was checked
        with writing(folder):
            target.parent.mkdir(parents=True, exist_ok=True)
        _fetch(hub, repository, one, target)


def _fetch(hub: Hub, repository: HubRepository, one: HubFile, target: Path) -> None:
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
                header = fetch(hub, path, most=left, seconds=FILE_SECONDS + left / SLOWEST, into=into, start=come)
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


def _licence(folder: Path) -> str | None:
    """That of the card, where its front matter names one."""
    file = folder / CARD
    if not file.is_file() or file.stat().st_size > MAX_CARD:
        return None
    return card_licence(file.read_text(encoding="utf-8", errors="replace"))


def _parents(
    context: Context, repository: HubRepository, folder: Path
) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
    """The versions here of the repositories that the card names as `base_model`, and notes where that is not clear.

    A repository that was imported once is that version. Of several, the one at the commit that `adapter_config.json`
    names; else nothing is guessed. What this person may not use is as if it had not been imported.
    """
    commit = _base_commit(folder)
    found, notes = list[Reference](), list[str]()
    with context.read() as uow:
        for name in repository.bases:
            known = [one for one in uow.catalog.pinned_to(name) if context.actor.sight.allows(one.ref.name, Level.USE)]
            exact = [one for one in known if one.upstream.endswith(f"@{commit}")] if commit else []
            if len(known) == 1 or len(exact) == 1:
                found.append(Reference.to((exact or known)[0].ref))
            elif known:
                notes.append(f"its card names {name}, of which {len(known)} versions are here: --parent says which")
    return tuple(dict.fromkeys(found)), tuple(notes)


def _base_commit(folder: Path) -> str:
    file = folder / ADAPTER
    if not file.is_file() or file.stat().st_size > MAX_CARD:
        return ""
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return ""  # the importer says what is wrong with it
    revision = document.get("revision") if isinstance(document, dict) else None
    return revision if isinstance(revision, str) else ""


def _note(hub: Hub, taken: Chosen) -> str:
    left: Sequence[str] = taken.left
    more = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
    rest = f"; not fetched: {', '.join(left[:_NAMED])}{more}" if left else ""
    return f"fetched from {hub.url}{rest}"
