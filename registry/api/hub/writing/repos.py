"""Repositories that are written to: created, asked what to send, committed to, and tagged, which makes a version."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from registry.api.hub.refusals import Code, HubRefusal, in_header
from registry.api.hub.revisions import MAIN, Repo, revision_of
from registry.api.hub.routes import HubRoute
from registry.api.hub.writing.bodies import Announced, Card, NewRepo, Preupload, Tag, sent_as
from registry.api.hub.writing.commits import SMALL, read_commit
from registry.api.hub.writing.drafts import DRAFT, draft_or_none
from registry.api.uploads import UPLOADS
from registry.api.wire import AsActor
from registry.domain.drafts.drafts import RegisterDraft
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, Reference, VersionRef, check_alias, read_number
from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Registry
from registry.errors import BadNameError, BadReferenceError, ConflictError, InvalidError, NotFoundError, UsageError
from registry.files import private_folder

router = APIRouter(route_class=HubRoute, include_in_schema=False)
AT = "/api/models/{team}/{name}"


async def _written(team: str, name: str) -> Name:
    """The name that is written to. `team/name.v3` is only read."""
    try:
        repo = Repo.named(AssetKind.MODELS, team, name)
    except BadNameError as error:
        raise HubRefusal(error, Code.REPO) from error
    if repo.pinned:
        raise UsageError(f"{repo.id} is one version, which never changes", remedy=f"Write to {repo.name}")
    return repo.name


async def _branch(revision: str) -> None:
    """Raises: HubRefusal for a revision that is not written to."""
    if revision not in {MAIN, DRAFT}:
        told = NotFoundError(
            f"Nothing is written to the revision {revision[:80]!r}", remedy="Commits go to main, and a tag is a version"
        )
        raise HubRefusal(told, Code.REVISION)


Written = Annotated[Name, Depends(_written)]
TO_MAIN = [Depends(_branch)]


def address(request: Request, name: Name) -> str:
    """Where a model is, as the Hub's clients write it."""
    return f"{request.base_url}{name}"


@router.post("/api/repos/create", response_model=None)
def create(request: Request, registry: AsActor, wanted: Annotated[NewRepo, Depends(sent_as(NewRepo))]) -> Response:
    """Begin the draft of a new model."""
    if wanted.type not in {None, "model"}:
        raise InvalidError(
            f"Only models are written in this way, not a {wanted.type[:40]}",
            remedy="Add data with forebear dataset add",
        )
    name = Name(wanted.organization or registry.actor.handle, wanted.name)
    registry.actor.require(Permission.EDIT)
    url = address(request, name)
    try:
        registry.catalog.model(name)
    except NotFoundError:
        try:
            registry.drafts.begin(name)
        except ConflictError as error:
            return _there(url, error)
        return JSONResponse({"url": url, "id": str(name)})
    return _there(url, ConflictError(f"The model {name} exists already"))


def _there(url: str, error: ConflictError) -> Response:
    """The answer about what is there already: it must hold the address as well."""
    headers = {"X-Error-Message": in_header(str(error))}
    return JSONResponse({"error": str(error), "code": error.code, "url": url}, error.family.status, headers)


@router.post("/api/validate-yaml", response_model=None)
def validate(registry: AsActor, card: Annotated[Card, Depends(sent_as(Card))]) -> Response:
    """Whether a text can be the card of a version."""
    try:
        lacks = registry.drafts.check_card(card.content)
    except InvalidError as error:
        return JSONResponse({"errors": [{"message": str(error)}], "warnings": []}, 400)
    return JSONResponse({"errors": [], "warnings": [{"message": one} for one in lacks]})


@router.post(AT + "/preupload/{revision}", response_model=None, dependencies=TO_MAIN)
def preupload(registry: AsActor, name: Written, wanted: Annotated[Preupload, Depends(sent_as(Preupload))]) -> Response:
    """How each file is to be sent: in the commit, or as a large file; and the digest of the one that is there."""
    registry.actor.require(Permission.EDIT)
    there = _files(registry, name)
    return JSONResponse({"files": [_mode(one, there.get(one.path)) for one in wanted.files]})


def _mode(file: Announced, there: FileEntry | None) -> dict[str, object]:
    small = file.size <= SMALL and b"\0" not in file.sample
    said: dict[str, object] = {"path": file.path, "uploadMode": "regular" if small else "lfs", "shouldIgnore": False}
    return said if small or there is None else {**said, "oid": there.sha256.hex}


def _files(registry: Registry, name: Name) -> Mapping[str, FileEntry]:
    """The files that a commit would change. Raises: HubRefusal for a model that is not there, and has no draft."""
    draft = draft_or_none(registry, name)
    if draft is not None:
        return {one.path: one for one in draft.files}
    try:
        detail = registry.catalog.version(Reference(AssetKind.MODELS, name))
    except NotFoundError as error:
        missing = NotFoundError(
            f"There is no model {name} and no draft of it", remedy=f"Create it first: hf repos create {name}"
        )
        raise HubRefusal(missing, Code.REPO) from error
    return {one.path: one for one in detail.files}


@router.post(AT + "/commit/{revision}", response_model=None, dependencies=TO_MAIN)
async def commit(request: Request, registry: AsActor, name: Written) -> Response:
    """Change the draft; where there is none, one is begun with the files of the newest version."""
    registry.actor.require(Permission.EDIT)
    if request.query_params.get("create_pr") in {"1", "true"}:
        raise UsageError("There are no pull requests here", remedy="Commit to main: that is a draft")
    with ExitStack() as stack:
        folder = await run_in_threadpool(stack.enter_context, private_folder(request.app.state.home / UPLOADS))
        try:
            wanted = await read_commit(request, folder)
            made = await run_in_threadpool(registry.drafts.commit, name, wanted)
        except NotFoundError as error:
            raise HubRefusal(error, Code.REPO) from error
        finally:
            await run_in_threadpool(stack.close)
    next_step = f"This is a draft. Make a version of it: forebear register {name}, or create_tag"
    url = f"{address(request, name)}/commit/{made.head}"
    said = {"success": True, "commitOid": made.head, "commitUrl": url, "hookOutput": ""}
    return JSONResponse(said, headers={"X-HF-Warning": in_header(f"forebear-draft; {next_step}")})


@router.post(AT + "/tag/{revision}", response_model=None)
def tag(
    registry: AsActor,
    name: Written,
    revision: str,
    wanted: Annotated[Tag, Depends(sent_as(Tag))],
) -> Response:
    """Make a version of the draft, with the tag as its alias; of a version, the tag is one more alias."""
    registry.actor.require(Permission.EDIT)
    number = read_number(wanted.tag)
    if number is None:
        _check_new(registry, name, wanted.tag)
    draft = draft_or_none(registry, name)
    if draft is not None and revision in {MAIN, DRAFT, draft.head}:
        made = _registered(
            registry, RegisterDraft(name, head=draft.head, alias=None if number else wanted.tag, number=number)
        )
    elif number is not None:
        raise ConflictError(f"There is no draft of {name} to make version {number} of", remedy="Upload files first")
    else:  # a name is given, and no file: that nobody has approved the version does not matter
        found = revision_of(registry, Repo(AssetKind.MODELS, name), revision, unapproved=True)
        made = registry.catalog.set_alias(Reference.to(found.ref), wanted.tag).ref
    said = f"forebear-tag; {wanted.tag} is {made}"
    return JSONResponse({"version": made.number}, headers={"X-HF-Warning": in_header(said)})


def _registered(registry: Registry, wanted: RegisterDraft) -> VersionRef:
    """The version that is made. What a command would be given as options, a tag cannot say."""
    try:
        return registry.drafts.register(wanted).summary.ref
    except InvalidError as error:
        if "--" in error.remedy:
            error.remedy += f" to: forebear register {wanted.name}"
        raise


def _check_new(registry: Registry, name: Name, alias: str) -> None:
    """Raises: UsageError for a tag that cannot be an alias, ConflictError for one that is there."""
    try:
        if alias in {MAIN, DRAFT}:
            raise BadReferenceError(f"{alias} is a revision of every model")
        check_alias(alias)
    except BadReferenceError as error:
        raise UsageError(
            f"{alias[:80]!r} cannot be a tag here",
            remedy="A tag is a lower-case word such as candidate, or v and the number of the version, as in v3",
        ) from error
    try:
        aliases = {one.alias for one in registry.catalog.model(name).aliases}
    except NotFoundError:
        return
    if alias in aliases:
        raise ConflictError(f"The tag {alias!r} of {name} exists", remedy="Move it with forebear model alias")


@router.post(AT + "/branch/{branch}", response_model=None)
def branch(registry: AsActor, name: Written, branch: str) -> Response:
    """Refused: there are no branches."""
    registry.actor.require(Permission.EDIT)
    raise UsageError(f"{name} has no branches, and so no {branch[:80]!r}", remedy="Commits go to main")
