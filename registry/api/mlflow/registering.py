"""New names, and versions from files that MLflow's clients upload: the import, and the refusals, of any other upload.

A client puts the files at `…/mlflow-artifacts/artifacts/uploads/NAME/…`, and registers a version from that address.
From the address of a version, `models:/team.name/3` or that of its files, a copy of it is registered. What a tracking
server has is fetched from there, if the settings name that server.
"""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request

from registry.api.gathering import gathered
from registry.api.mlflow.door import door_of
from registry.api.mlflow.naming import Naming
from registry.api.mlflow.prompts import refuse_prompts
from registry.api.mlflow.routes import API, Asked, MlflowRoute, Showing, Wanted
from registry.api.mlflow.showing import ARTIFACTS, RUN_ID, Shown, read_version
from registry.api.mlflow.staging import Staging
from registry.api.wire import AsActor
from registry.domain.catalog.models import Modality, check_tags
from registry.domain.governance.tracking import TrackedSource
from registry.domain.names import Name, Reference
from registry.domain.people.people import Permission
from registry.domain.verbs.catalog import CopyVersion, ImportModel, NewModel
from registry.errors import InvalidError
from registry.outgoing.fetching import place_of
from registry.settings import Settings

UPLOADS = "uploads"
"""What the address of an upload begins with, below that of all files."""
SERVER = "tracking_server"
"""The tag that says which of several tracking servers has the model."""
SAID = ("architecture", "licence", "license", "modality", "task", "base_model", SERVER)
"""Tags of a new version that say what `forebear model import` is told by options."""
_LOGGED = re.compile("models:/m-[0-9a-z]+")
"""How MLflow writes a model that was logged and not registered: its id alone."""
router = APIRouter(route_class=MlflowRoute, include_in_schema=False)


@router.put(f"{ARTIFACTS}/{UPLOADS}/{{upload}}/{{path:path}}", response_model=None)
async def put_file(request: Request, registry: AsActor, upload: str, path: str) -> Response:
    """One file of an upload."""
    registry.actor.require(Permission.EDIT)
    await _staging(request).receive(registry.actor.handle, upload, path, gathered(request.stream()))
    return JSONResponse({})


@router.post(f"{API}/registered-models/create", response_model=None)
def create_model(shown: Showing, asked: Wanted) -> Response:
    """A name for versions that come later."""
    refuse_prompts(tag.key for tag in asked.tags)
    name = asked.named
    shown.registry.actor.require(Permission.EDIT)
    tags = {tag.key: tag.value for tag in asked.tags} | shown.naming.spelled(asked.need("name"))
    shown.registry.catalog.create(NewModel(name, asked.description or "", tags))
    return JSONResponse({"registered_model": shown.model(name)})


@router.post(f"{API}/model-versions/create", response_model=None)
def create_version(request: Request, shown: Showing, asked: Wanted) -> Response:
    """A version from an upload, another version or a tracking server; a model that is not there yet begins with it."""
    refuse_prompts(tag.key for tag in asked.tags)
    name, source = asked.named, _address(asked.need("source"))
    shown.registry.actor.require(Permission.EDIT)
    if (original := _version_of(source, shown)) is not None:
        tags = {tag.key: tag.value for tag in asked.tags} | ({RUN_ID: asked.run_id} if asked.run_id else {})
        made = shown.registry.catalog.copy(CopyVersion(original, name, asked.description or None, tags))
        return JSONResponse({"model_version": shown.version(Reference.to(made.summary.ref))})
    if (tracked := _tracked(request, shown, asked, source)) is not None:
        return _imported(shown, asked, name, str(tracked), uploaded=False)
    upload, below = _upload_of(source, shown)
    with _staging(request).taken(shown.registry.actor.handle, upload, below) as files:
        return _imported(shown, asked, name, str(files), uploaded=True)


def _imported(shown: Shown, asked: Asked, name: Name, source: str, *, uploaded: bool) -> Response:
    said = {tag.key: tag.value for tag in asked.tags if tag.key in SAID}
    tags: dict[str, str | None] = {tag.key: tag.value for tag in asked.tags if tag.key not in SAID}
    tags |= {RUN_ID: asked.run_id} if asked.run_id else {}
    check_tags({key: value or "" for key, value in tags.items()})
    wanted = ImportModel(
        name=name,
        source=source,
        architecture=said.get("architecture"),
        task=said.get("task"),
        modality=_modality(said.get("modality")),
        licence=said.get("licence") or said.get("license"),
        card=asked.description or None,
        parents=_parents(shown, said.get("base_model")),
        uploaded=uploaded,
        registered=True,
    )
    try:
        made = shown.registry.catalog.import_model(wanted)
    except InvalidError as error:
        raise _in_tags(error) from error
    exact = Reference.to(made.summary.ref)
    if tags:
        shown.registry.catalog.tag(exact, tags)
    return JSONResponse({"model_version": shown.version(exact)})


def _address(source: str) -> str:
    """Raises: InvalidError for what cannot be an address at all."""
    try:
        _ = urlsplit(source).port
    except ValueError:
        raise InvalidError(f"The source {source[:200]!r} is not an address") from None
    return source


def _staging(request: Request) -> Staging:
    staging: Staging = request.app.state.staging
    return staging


def _version_of(source: str, shown: Shown) -> Reference | None:
    """The version that a source names; None for anything else. Raises: BadReferenceError, InvalidError."""
    if source.startswith("models:/"):
        return None if _LOGGED.fullmatch(source) else shown.naming.reference(source)
    name, _, number = _path_here(source, shown).partition("/")
    if name == UPLOADS or not number.isdecimal():
        return None
    return read_version(Naming() if _is_of_all(source, shown) else shown.naming, name, number)


def _tracked(request: Request, shown: Shown, asked: Asked, source: str) -> TrackedSource | None:
    """What a source means on one of the tracking servers of the settings; None where it means nothing there.

    Raises: InvalidError for a server that they do not name, and where several could be meant.
    """
    if _path_here(source, shown).startswith(f"{UPLOADS}/"):
        return None
    settings: Settings = request.app.state.settings
    servers = tuple(place_of(urlsplit(url)) for url in settings.tracking_urls)
    parts = urlsplit(source)
    named = [tag.value.lower() for tag in asked.tags if tag.key == SERVER]
    host = place_of(parts) if parts.scheme in {"http", "https", "mlflow-artifacts"} and parts.netloc else ""
    wanted = [host] if host else named or servers
    found = TrackedSource.named(source, wanted[0] if wanted else "localhost", asked.run_id or "")
    if found is None:
        return None
    if not servers:
        raise InvalidError(
            f"{source[:80]} is of a tracking server, whose files are not here",
            remedy="An admin can name the server in FOREBEAR_TRACKING_URLS. Or download the model, and upload its "
            f"files to {shown.base}{ARTIFACTS}/{UPLOADS}/NAME",
        )
    if len(wanted) > 1:
        raise InvalidError(
            f"{source[:80]} could be of {len(servers)} tracking servers",
            remedy=f"Say which by a tag of the version: {SERVER} is one of {', '.join(servers)}",
        )
    return found


def _path_here(source: str, shown: Shown) -> str:
    """The path of an artifact of this server; empty for every other address."""
    parts = urlsplit(source)
    path = parts.path.removeprefix(door_of(shown.team))
    here = parts.netloc in {"", urlsplit(shown.server).netloc} and parts.scheme == "mlflow-artifacts"
    direct = f"{parts.scheme}://{parts.netloc}" == shown.server and path.startswith(f"{ARTIFACTS}/")
    return unquote(path.removeprefix(ARTIFACTS) if here or direct else "").strip("/")


def _is_of_all(source: str, shown: Shown) -> bool:
    """Whether an address of this server is that of all teams' models, whose names have a team."""
    return source.startswith(f"{shown.server}{ARTIFACTS}/")


def _upload_of(source: str, shown: Shown) -> tuple[str, str]:
    """The name of the upload that an address of this server stands for, and the folder in it. Raises: InvalidError."""
    first, _, rest = _path_here(source, shown).partition("/")
    upload, _, below = rest.partition("/")
    if first != UPLOADS or not upload:
        raise InvalidError(
            f"No version is registered from {source[:200]!r}",
            remedy=f"Upload the files to {shown.base}{ARTIFACTS}/{UPLOADS}/NAME, and register that address, or give "
            "models:/team.name/NUMBER for a copy of a version",
        )
    return upload, below


def _modality(text: str | None) -> Modality | None:
    try:
        return Modality(text) if text else None
    except ValueError:
        raise InvalidError(f"{str(text)[:40]!r} is no modality", remedy=f"Use {', '.join(Modality)}") from None


def _parents(shown: Shown, text: str | None) -> tuple[Reference, ...]:
    """The versions that the tag `base_model` names: `models:/team.name/3`, with commas between several."""
    named = [one.strip() for one in (text or "").split(",") if one.strip()]
    return tuple(shown.naming.reference(one) for one in named)


def _in_tags(error: InvalidError) -> InvalidError:
    """What the source does not state is said by options of a command, and here by tags of the version."""
    if not error.remedy.startswith("Give --"):
        return error
    return InvalidError(error.message, remedy=f"Say it in tags of the version ({', '.join(SAID)})")
