"""Imports from an MLflow tracking server: the run or logged model is asked first, then only its weights are fetched.

The server lists no digests, so what comes is checked against the sizes that it lists, and digested here: the edge says
`declared`, as of every import. No pickle is fetched. From the folder of the files the way is that of every import.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import BinaryIO
from urllib.parse import quote

import yaml

from registry.domain.governance.hub import MAX_FILES, WEIGHTS, is_document
from registry.domain.governance.logged import (
    CARD,
    DESCRIPTION,
    FRONT,
    READ,
    README,
    Layout,
    card_of,
    layout_of,
    refuse_pickles,
)
from registry.domain.governance.tracking import (
    ARTIFACTS,
    Artifact,
    Tracked,
    TrackedSource,
    read_folder,
    read_model,
    read_run,
)
from registry.domain.names import VersionRef
from registry.domain.verbs.catalog import ImportModel
from registry.errors import (
    BadArtifactError,
    DigestMismatchError,
    InvalidError,
    NotFoundError,
    RefusedError,
    TooLargeError,
    UnavailableError,
)
from registry.folders import writing
from registry.outgoing.fetching import Names, Site, fetch
from registry.services.catalog import fetched
from registry.services.catalog.fetched import ATTEMPTS, fetched_note, licence_in, one_of_two, parents_of, seconds_for
from registry.services.catalog.importing import check_wanted, import_model
from registry.services.context import Context
from registry.services.documents import MAX_BYTES, ShallowLoader
from registry.services.workspace import workspace
from registry.settings import Settings

NAMES = Names(
    "tracking server",
    "FOREBEAR_TRACKING_URLS",
    "FOREBEAR_TRACKING_PRIVATE_HOSTS",
    "FOREBEAR_TRACKING_TOKENS",
    "https://HOST, with commas between several",
)
API = "/api/2.0/mlflow"
MAX_LIST = 16 * 1024**2
"""Bytes of one answer that is no file."""
MAX_FOLDERS, WALK_SECONDS = 500, 120.0
"""Folders that are listed, and how long all lists together may take."""
MAX_MODELS = 20
"""Logged models of a run that are asked for one of a certain name."""
FACT = "tracking"
"""The fact of a manifest with what the tracking server says."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The artifacts that are fetched, with the path that each gets; `single` where the source is one file."""

    files: Sequence[tuple[Artifact, str]]
    left: Sequence[str]
    layout: Layout
    single: bool


def import_from_tracking(context: Context, wanted: ImportModel) -> VersionRef:
    """See `CatalogVerbs.import_model`, with a source such as `mlflow:HOST/runs/RUN/model`.

    Raises: RefusedError for a server that the settings do not name; what `fetch` raises; BadArtifactError.
    """
    source = TrackedSource.parse(wanted.source)
    if wanted.origin is not None:
        raise InvalidError("The origin of an import from a tracking server is its run", remedy="Leave --origin out")
    site = _site(context.settings, source)
    with one_of_two():
        return _import(context, wanted, site, source)


def sites_of(settings: Settings) -> Sequence[Site]:
    """The tracking servers that the settings name. Raises: UsageError."""
    private, tokens = settings.tracking_private_hosts, settings.tracking_tokens
    sites = (Site(url.rstrip("/"), private=private, names=NAMES) for url in settings.tracking_urls)
    return [replace(one, token=tokens.get(one.place)) for one in sites]


def _site(settings: Settings, source: TrackedSource) -> Site:
    """Raises: RefusedError, UsageError."""
    found = next((one for one in sites_of(settings) if one.place == source.place), None)
    if found is None:
        raise RefusedError(
            f"{source.place} is no tracking server that this registry may fetch from",
            remedy=f"An admin of the registry names it in {NAMES.url} (docs/models.md). Or download the model "
            "(mlflow artifacts download) and import the folder",
        )
    return found


def _import(context: Context, wanted: ImportModel, site: Site, source: TrackedSource) -> VersionRef:
    check_wanted(context, wanted)
    source, tracked, root, files = _found(site, source)
    layout = layout_of([one.path for one in files], _flavours(site, root, files))
    taken = _chosen(files, layout)
    size, limit = sum(one.size for one, _ in taken.files), context.settings.max_upload
    if size > limit:
        raise TooLargeError(
            f"The files of {source} that are needed have {size:,} bytes, and at most {limit:,} are fetched",
            remedy="FOREBEAR_MAX_UPLOAD sets the limit",
        )
    with workspace(context.home, "import") as work:
        folder = work / "files"
        _fetch_all(site, root, taken, folder)
        bases = (layout.base,) if layout.base else ()
        parents, unclear = (
            (wanted.parents, ()) if wanted.parents else parents_of(context, bases, folder, f"its {DESCRIPTION}")
        )
        ready = replace(
            wanted,
            source=str(folder / taken.files[0][1]) if taken.single else str(folder),
            uploaded=True,
            origin=str(source),
            licence=wanted.licence or licence_in(folder),
            parents=parents,
        )
        facts = {FACT: tracked.facts(site.url, root)}
        with context.holding() as held:
            return import_model(held, ready, notes=(fetched_note(site.url, taken.left), *unclear), facts=facts)


def _found(site: Site, source: TrackedSource) -> tuple[TrackedSource, Tracked, str, Sequence[Artifact]]:
    """What the server says, the folder of the artifacts, and its files with paths from there.

    Models that MLflow 3 logs lie with themselves and not with their run: they are found by their name.
    """
    if source.model:
        tracked = read_model(source, _ask(site, f"{API}/logged-models/{quote(source.model)}"), site.url)
        return source, tracked, tracked.root, _walk(site, tracked.root)
    tracked = read_run(source, _ask(site, f"{API}/runs/get?run_id={quote(source.run)}"), site.url)
    root = f"{tracked.root}/{source.path}" if source.path else tracked.root
    if files := _walk(site, root):
        return source, tracked, root, files
    named = list[TrackedSource]()
    for model in tracked.models[:MAX_MODELS]:
        one = TrackedSource(source.place, source.run, model=model)
        if read_model(one, _ask(site, f"{API}/logged-models/{quote(model)}"), site.url).name == source.path:
            named.append(one)
    if len(named) == 1:
        return _found(site, named[0])
    if named:
        raise InvalidError(
            f"The run {source.run} logged several models called {source.path!r}",
            remedy=f"Name one: {', '.join(str(one) for one in named[:5])}",
        )
    raise NotFoundError(f"{site.url} has no artifacts of {source}", remedy="Check the run and the folder")


def _ask(site: Site, path: str) -> object:
    body = bytearray()
    fetch(site, path, most=MAX_LIST, seconds=fetched.LIST_SECONDS, into=body.extend)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"What {site.url} answers at {path[:200]} is not JSON") from error


def _walk(site: Site, root: str) -> Sequence[Artifact]:
    """Every file below `root`, with paths from there. Raises: TooLargeError, UnavailableError, InvalidError."""
    files, folders, seen, until = dict[str, Artifact](), deque([""]), {""}, monotonic() + WALK_SECONDS
    while folders:
        folder = folders.popleft()
        if len(seen) > MAX_FOLDERS:
            raise TooLargeError(f"{root!r} has more than {MAX_FOLDERS:,} folders of artifacts")
        if monotonic() > until:
            raise UnavailableError(f"{site.url} was too slow: its artifacts were not listed in {WALK_SECONDS:g} s")
        where = f"{root}/{folder}" if folder else root
        for one in read_folder(folder, _ask(site, f"{ARTIFACTS}?path={quote(where, safe='')}"), site.url):
            if one.path in files or one.path in seen:
                raise InvalidError(f"{site.url} lists {one.path!r} twice")
            if one.is_folder:
                folders.append(one.path)
                seen.add(one.path)
            else:
                files[one.path] = one
            if len(files) > MAX_FILES:
                raise TooLargeError(f"{root!r} has more than {MAX_FILES:,} artifacts")
    return list(files.values())


def _flavours(site: Site, root: str, files: Sequence[Artifact]) -> Mapping[str, object]:
    described = next((one for one in files if one.path == DESCRIPTION), None)
    if described is None:
        return {}
    if described.size > MAX_BYTES:
        raise TooLargeError(f"Its {DESCRIPTION} has {described.size:,} bytes, and at most {MAX_BYTES:,} are read")
    body = bytearray()
    fetch(site, _address(root, DESCRIPTION), most=described.size, seconds=fetched.LIST_SECONDS, into=body.extend)
    try:
        found = yaml.load(body.decode("utf-8", "replace"), ShallowLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadArtifactError(f"Its {DESCRIPTION} is not YAML") from error
    flavours = found.get("flavors") if isinstance(found, Mapping) else None
    return flavours if isinstance(flavours, Mapping) else {}


def _chosen(files: Sequence[Artifact], layout: Layout) -> _Chosen:
    """Weights in safetensors, else of another kind that is read; the JSON and text beside them; the card.

    Raises: UnsafeArtifactError, BadArtifactError where there are no such weights.
    """
    named = [(one, name) for one in files if (name := layout.name_of(one.path)) is not None]
    single = [(one, name) for one, name in named if one.path == layout.place]
    weights = [pair for pair in named if pair[0].path.endswith(WEIGHTS)]
    weights = weights or [pair for pair in named if pair[0].path.endswith(READ)]
    if not weights:
        refuse_pickles(one.path for one, _ in named)
        raise BadArtifactError("None of its artifacts are weights of a kind that forebear model import takes")
    kept = single or [pair for pair in named if pair in weights or is_document(pair[1])]
    if layout.carded:
        kept += [(one, one.path) for one in files if one.path in {CARD, FRONT}]
    taken = {one.path for one, _ in kept}
    left = [one.path for one in files if one.path not in taken and one.path != DESCRIPTION]
    return _Chosen(kept, left, layout, bool(single))


def _fetch_all(site: Site, root: str, taken: _Chosen, folder: Path) -> None:
    with writing(folder):
        folder.mkdir()
        for _, name in taken.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)  # clean relative paths: the lists were checked
    for one, name in taken.files:
        _fetch(site, root, one, folder / name)
    if taken.layout.carded:
        card, front = folder / CARD, folder / FRONT
        head = front.read_text("utf-8", "replace") if front.is_file() else None
        with writing(folder):
            (folder / README).write_text(card_of(head, card.read_text("utf-8", "replace")), "utf-8")
            card.unlink()
            front.unlink(missing_ok=True)


def _fetch(site: Site, root: str, one: Artifact, target: Path) -> None:
    """Raises: as `fetch`; DigestMismatchError for another number of bytes than was listed.

    What breaks off is asked for anew: without a digest nothing would tell the end of another file from the rest.
    """
    for attempt in range(1, ATTEMPTS + 1):
        with writing(target.parent), target.open("wb") as out:
            try:
                come = _written(site, root, one, out)
            except UnavailableError:
                if attempt == ATTEMPTS:
                    raise
                continue
        if come == one.size:
            return
    raise DigestMismatchError(f"{come:,} bytes came of {one.path!r}, and {site.url} lists {one.size:,}")


def _written(site: Site, root: str, one: Artifact, out: BinaryIO) -> int:
    def into(chunk: bytes) -> None:
        with writing(Path(out.name).parent):
            out.write(chunk)

    try:
        fetch(site, _address(root, one.path), most=one.size, seconds=seconds_for(one.size), into=into)
    except TooLargeError as error:
        raise DigestMismatchError(f"More came of {one.path!r} than {site.url} lists") from error
    return out.tell()


def _address(root: str, path: str) -> str:
    return f"{ARTIFACTS}/{quote(f'{root}/{path}')}"
