"""The routes by which MLflow's clients read. They stand outside `/api/v1` and outside its document."""

from __future__ import annotations

from inspect import signature
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from registry.api import problems
from registry.api.downloads import download
from registry.api.mlflow import searching
from registry.api.mlflow.door import team_of
from registry.api.mlflow.files import allowed, artifacts, listed, one_file
from registry.api.mlflow.naming import Naming
from registry.api.mlflow.refusals import Code, MlflowError, in_words_of_mlflow, refusal
from registry.api.mlflow.showing import ARTIFACTS, Shown, of_stages, read_version
from registry.api.protocols import Handler, ProtocolRoute
from registry.api.wire import AsActor, read_capped, read_json, registry_of
from registry.domain.names import AssetKind, Name, Reference, check_alias
from registry.errors import BadNameError, BadReferenceError, InvalidError, NameTakenError, NotFoundError, UsageError

API = "/api/2.0/mlflow"
LATEST = "latest"
"""The alias by which MLflow's clients ask for the newest version."""


class Tag(BaseModel):
    """A tag, as it is sent."""

    key: str
    value: str = ""


class Asked(BaseModel):
    """What clients send, in the query of a GET and in the JSON of everything else. Not every field is of every call."""

    model_config = ConfigDict(coerce_numbers_to_str=True, extra="ignore")

    name: str | None = None
    new_name: str | None = None
    version: str | None = None
    alias: str | None = None
    stage: str | None = None
    stages: list[str] = Field(default_factory=list)
    archive_existing_versions: bool = False
    key: str | None = None
    value: str | None = None
    description: str | None = None
    source: str | None = None
    run_id: str | None = None
    tags: list[Tag] = Field(default_factory=list)
    filter: str = ""
    order_by: list[str] = Field(default_factory=list)
    max_results: int | None = None
    page_token: str = ""
    path: str = ""
    _naming: Naming = PrivateAttr(default_factory=Naming)

    def need(self, field: str) -> str:
        """The text of a field that has to be there. Raises: InvalidError."""
        value = getattr(self, field)
        if not value:
            raise InvalidError(f"Missing value for required parameter {field!r}", remedy="Give one")
        return str(value)

    @property
    def exact(self) -> Reference:
        """The version that name and number say. Raises: InvalidError, BadNameError."""
        return read_version(self._naming, self.need("name"), self.need("version"))

    @property
    def named(self) -> Name:
        """The model that is named. Raises: InvalidError, BadNameError."""
        return self._naming.read(self.need("name"))

    @property
    def whole(self) -> Reference:
        """All versions of the model that is named. Raises: InvalidError, BadNameError."""
        return Reference(AssetKind.MODELS, self.named)


_LISTS = ("stages", "order_by")


async def asked_of(request: Request) -> Asked:
    """What a request asks for. Raises: UsageError, InvalidError."""
    if request.method in {"GET", "HEAD"}:
        query = request.query_params
        sent: Any = {**query, **{key: query.getlist(key) for key in _LISTS}}
    else:
        sent = read_json(await read_capped(request), "body")
    if not isinstance(sent, dict):
        raise UsageError("The body is not a JSON object")
    try:
        asked = Asked.model_validate({key: value for key, value in sent.items() if value is not None})
    except ValidationError as error:
        raise problems.of_validation([{**one, "loc": ("", *one["loc"])} for one in error.errors()]) from error
    asked._naming = naming_of(request)
    request.state.asked = asked
    return asked


def naming_of(request: Request) -> Naming:
    """What models are called at the address that was asked for."""
    return Naming(team_of(request))


async def shown_for(request: Request, registry: AsActor) -> Shown:
    """What answers are made from."""
    return Shown(registry, str(request.base_url).rstrip("/"), naming_of(request))


class MlflowRoute(ProtocolRoute):
    """A route whose errors are told as MLflow tells them."""

    own, told = MlflowError, staticmethod(refusal)

    @staticmethod
    def reworded(error: Exception, request: Request) -> Exception:
        """What the request names and is not there, or is there already, is said as MLflow says it."""
        asked: Asked | None = getattr(request.state, "asked", None)
        if asked is None or not asked.name:
            return error
        version = None if request.url.path.endswith("/create") else asked.version
        try:
            said = asked.new_name or asked.name if isinstance(error, NameTakenError) else asked.name
            return in_words_of_mlflow(error, asked.named, said, version)
        except BadNameError:
            return error

    def inner(self) -> Handler:
        """Most routes take what is shown and asked and nothing else: FastAPI would find that out with each request."""
        endpoint = self.endpoint
        if set(signature(endpoint).parameters) != {"shown", "asked"}:
            return super().inner()

        async def handle(request: Request) -> Response:
            shown = await shown_for(request, registry_of(request))
            answer: Response = await run_in_threadpool(endpoint, shown, await asked_of(request))
            return answer

        return handle


Wanted = Annotated[Asked, Depends(asked_of)]
Showing = Annotated[Shown, Depends(shown_for)]
router = APIRouter(route_class=MlflowRoute, include_in_schema=False)


@router.get("/api/3.0/mlflow/server-info", response_model=None)
def server_info() -> Response:
    """What else there is: nothing."""
    names = ("workspaces_enabled", "multipart_uploads_enabled", "multipart_downloads_enabled")
    return JSONResponse(dict.fromkeys((*names, "artifacts_presigned_only"), False))


@router.get(f"{API}/registered-models/get", response_model=None)
def model(shown: Showing, asked: Wanted) -> Response:
    """A registered model."""
    return JSONResponse({"registered_model": shown.model(asked.named)})


@router.get(f"{API}/registered-models/search", response_model=None)
def models(shown: Showing, asked: Wanted) -> Response:
    """A page of registered models."""
    found, token = searching.models(shown, asked.filter, asked.order_by, asked.max_results, asked.page_token)
    return JSONResponse(_page("registered_models", found, token))


@router.api_route(f"{API}/registered-models/get-latest-versions", methods=["GET", "POST"], response_model=None)
def latest_versions(shown: Showing, asked: Wanted) -> Response:
    """The newest version of each stage."""
    found = of_stages(shown.newest(asked.named), asked.stages)
    return JSONResponse({"model_versions": [shown.listed_version(one) for one in found]})


@router.get(f"{API}/registered-models/alias", response_model=None)
def by_alias(shown: Showing, asked: Wanted) -> Response:
    """The version that an alias names. `latest` is the newest, unless the model has an alias of this name."""
    name, alias = asked.named, asked.need("alias")
    own = {one.alias for one in shown.registry.catalog.model(name).aliases}
    newest = alias.lower() == LATEST and LATEST not in own
    reference = Reference(AssetKind.MODELS, name, alias=None if newest else alias)
    try:
        if reference.alias:
            check_alias(alias)
        found = shown.version(reference)
    except (NotFoundError, BadReferenceError) as error:
        told = NotFoundError(
            f"Registered model alias {alias[:80]} not found", remedy="Look at the aliases of the registered model"
        )
        raise MlflowError(
            told, Code.INVALID if reference.alias else Code.MISSING, 400 if reference.alias else 404
        ) from error
    return JSONResponse({"model_version": found})


@router.get(f"{API}/model-versions/get", response_model=None)
def version(shown: Showing, asked: Wanted) -> Response:
    """A version."""
    return JSONResponse({"model_version": shown.version(asked.exact)})


@router.get(f"{API}/model-versions/search", response_model=None)
def versions(shown: Showing, asked: Wanted) -> Response:
    """A page of versions."""
    found, token = searching.model_versions(shown, asked.filter, asked.order_by, asked.max_results, asked.page_token)
    return JSONResponse(_page("model_versions", found, token))


@router.get(f"{API}/model-versions/get-download-uri", response_model=None)
def download_uri(request: Request, shown: Showing, asked: Wanted) -> Response:
    """Where the files of a version lie: an address of this server, whatever the tracking server of the client is."""
    ref = allowed(shown.registry, asked.exact, unapproved=_unapproved(request)).summary.ref
    artifacts_at = shown.source(ref)
    shown.registry.catalog.pull_plan(Reference.to(ref))  # what is withheld is refused here, with its reason
    return JSONResponse({"artifact_uri": artifacts_at})


@router.get(ARTIFACTS, response_model=None)
def folder(request: Request, registry: AsActor, asked: Wanted) -> Response:
    """What a folder of a version's files holds."""
    name, _, rest = asked.need("path").strip("/").partition("/")
    number, _, below = rest.partition("/")
    detail = allowed(registry, read_version(naming_of(request), name, number), unapproved=_unapproved(request))
    return JSONResponse({"files": listed(artifacts(registry, detail), below)})


@router.get(f"{ARTIFACTS}/{{name}}/{{number}}/{{path:path}}", response_model=None)
def file(request: Request, registry: AsActor, name: str, number: str, path: str) -> Response:
    """One file of a version, whole or by `Range`."""
    found = one_file(registry, read_version(naming_of(request), name, number), path, unapproved=_unapproved(request))
    answer = download(request, found.entry, found.open_at)
    answer.headers["Cache-Control"] = "private, no-cache"  # versions are taken back
    return answer


def _page(field: str, items: list[dict[str, Any]], token: str | None) -> dict[str, Any]:
    return {field: items} | ({"next_page_token": token} if token else {})


def _unapproved(request: Request) -> bool:
    return bool(request.app.state.settings.hub_unapproved)
