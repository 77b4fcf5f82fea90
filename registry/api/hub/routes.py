"""The routes of the Hub's protocol that clients read by; those that write are in `writing`.

They stand outside `/api/v1` and outside its document.

What clients really ask was read from huggingface_hub 2.4.0 and tried with it: the order is revision, tree by commit,
then HEAD and GET of each file by commit; so a refusal stands at each of them, for names and commit ids alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request

from registry.api.downloads import download
from registry.api.hub import listing
from registry.api.hub.files import HubFile, files_of
from registry.api.hub.refusals import Code, HubRefusal, in_header, refusal
from registry.api.hub.revisions import MAIN, Repo, Revision, revision_of, successor
from registry.api.hub.writing.drafts import draft_at, files_of_draft, info, last_commit, warning
from registry.api.protocols import ProtocolRoute
from registry.api.wire import AsActor
from registry.domain.drafts.drafts import Draft
from registry.domain.names import AssetKind, no_file
from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Registry
from registry.errors import BadNameError, NotFoundError, UsageError

MOST_PATHS = 1000
"""Paths of one `paths-info`, and files of one page of a tree."""
_OF_DATASETS = ("/api/datasets/", "/datasets/")
Handled = TypeVar("Handled", bound=Callable[..., Response])


class HubRoute(ProtocolRoute):
    """A route whose errors are told as the Hub tells them."""

    own, told = HubRefusal, staticmethod(refusal)


router = APIRouter(route_class=HubRoute, include_in_schema=False)


async def _repo(request: Request, team: str, name: str) -> Repo:
    kind = AssetKind.DATASETS if request.scope["route"].path.startswith(_OF_DATASETS) else AssetKind.MODELS
    try:
        return Repo.named(kind, team, name)
    except BadNameError as error:
        raise HubRefusal(NotFoundError(f"There is nothing named {team[:80]}/{name[:80]}"), Code.REPO) from error


Named = Annotated[Repo, Depends(_repo)]


def _both(path: str, *methods: str) -> Callable[[Handled], Handled]:
    """The route `path` of models, and the same of datasets. `{api}` and `{files}` stand for where either lies."""

    def add(handle: Handled) -> Handled:
        for kind in AssetKind:
            files = f"/{kind}" if kind is AssetKind.DATASETS else ""
            address = path.format(api=f"/api/{kind}/{{team}}/{{name}}", files=files + "/{team}/{name}")
            router.add_api_route(address, handle, methods=list(methods), response_model=None)
        return handle

    return add


@dataclass(frozen=True, slots=True)
class Found:
    """What a revision is: a version, or to those who may contribute a draft; with its files by their path."""

    of: Revision | Draft
    files: Mapping[str, HubFile]
    commit: str
    warning: str

    @property
    def headers(self) -> dict[str, str]:
        """Headers of an answer about it: its commit, and a warning that clients print."""
        text = in_header(self.warning)
        return {"X-Repo-Commit": self.commit} | ({"X-HF-Warning": f"forebear; {text}"} if text else {})

    def file(self, path: str) -> HubFile:
        """Raises: HubRefusal where there is no such file."""
        found = self.files.get(path)
        if found is None:
            missing = (
                no_file(self.of.ref, path)
                if isinstance(self.of, Revision)
                else NotFoundError(f"The draft of {self.of.name} has no file {path[:200]!r}")
            )
            raise HubRefusal(missing, Code.ENTRY, commit=self.commit)
        return found


def _at(request: Request, registry: Registry, repo: Repo, revision: str) -> Found:
    try:
        found = revision_of(registry, repo, revision, unapproved=request.app.state.settings.hub_unapproved)
    except HubRefusal as refused:
        draft = draft_at(registry, repo, revision) if isinstance(refused.error, NotFoundError) else None
        if draft is None:
            raise
        return Found(draft, files_of_draft(registry, draft), draft.head, warning(draft))
    return Found(found, files_of(registry, found), found.commit, found.notice)


def _info(request: Request, registry: Registry, repo: Repo, revision: str, *, blobs: bool) -> Response:
    found = _at(request, registry, repo, revision)
    if isinstance(found.of, Revision):
        later = successor(registry, found.of, unapproved=request.app.state.settings.hub_unapproved)
        shown = listing.info(found.of, found.files.values(), blobs=blobs, new_version=later)
        return JSONResponse(shown, headers=found.headers)
    return JSONResponse(info(found.of, blobs=blobs), headers=found.headers)


@_both("{api}", "GET")
def newest(request: Request, registry: AsActor, repo: Named, blobs: bool = False) -> Response:
    """A model or dataset at its revision `main`."""
    return _info(request, registry, repo, MAIN, blobs=blobs)


@_both("{api}/revision/{{revision}}", "GET")
def exact(request: Request, registry: AsActor, repo: Named, revision: str, blobs: bool = False) -> Response:
    """A model or dataset at one revision."""
    return _info(request, registry, repo, revision, blobs=blobs)


@_both("{api}/tree/{{revision}}", "GET")
@_both("{api}/tree/{{revision}}/{{path:path}}", "GET")
def tree(
    request: Request,
    registry: AsActor,
    repo: Named,
    revision: str,
    path: str = "",
    recursive: bool = False,
    expand: bool = False,
    cursor: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """The files and folders of a revision."""
    found = _at(request, registry, repo, revision)
    entries = listing.tree(found.files, path, recursive=recursive, expand=expand)
    if not entries and path:
        found.file(path)
    headers, following = found.headers, cursor + MOST_PATHS
    if following < len(entries):
        headers |= next_page(request, following)
    return JSONResponse(entries[cursor:following], headers=headers)


@_both("{api}/paths-info/{{revision}}", "POST")
def paths_info(
    request: Request,
    registry: AsActor,
    repo: Named,
    revision: str,
    paths: Annotated[list[str], Form()],
    expand: Annotated[bool, Form()] = False,
) -> Response:
    """The files and folders of a revision that the body names; others are left out."""
    if len(paths) > MOST_PATHS:
        raise UsageError(f"{len(paths):,} paths are asked for; at most {MOST_PATHS:,} are answered at once")
    found = _at(request, registry, repo, revision)
    known = listing.entries(found.files, expand=expand)
    return JSONResponse([known[path] for path in paths if path in known], headers=found.headers)


@_both("{api}/refs", "GET")
def refs(request: Request, registry: AsActor, repo: Named) -> Response:
    """The names of revisions."""
    return JSONResponse(listing.refs(registry, repo, _at(request, registry, repo, MAIN).commit))


@_both("{api}/commits/{{revision}}", "GET")
def commits(request: Request, registry: AsActor, repo: Named, revision: str) -> Response:
    """The versions up to a revision."""
    found = _at(request, registry, repo, revision)
    shown = listing.commits(registry, found.of) if isinstance(found.of, Revision) else [last_commit(found.of)]
    return JSONResponse(shown, headers=found.headers)


@_both("{api}/auth-check", "GET")
def auth_check(request: Request, registry: AsActor, repo: Named) -> Response:
    """Whether the caller may read."""
    _at(request, registry, repo, MAIN)
    return JSONResponse({})


@router.get("/api/models/{team}/{name}/auth-check/write", response_model=None)
def auth_check_write(registry: AsActor, repo: Named) -> Response:
    """Whether the caller may write a draft of the model."""
    registry.actor.require(Permission.EDIT)
    if repo.pinned:
        raise UsageError(f"{repo.id} is one version, which never changes", remedy=f"Write to {repo.name}")
    return JSONResponse({})


@_both("{files}/resolve/{{revision}}/{{path:path}}", "GET", "HEAD")
def file(request: Request, registry: AsActor, repo: Named, revision: str, path: str) -> Response:
    """One file of a revision, whole or by `Range`."""
    found = _at(request, registry, repo, revision)
    wanted = found.file(path)
    answer = download(request, wanted.entry, wanted.open_at, tag=wanted.entry.sha256.hex)
    answer.headers.update(found.headers)
    answer.headers["Cache-Control"] = "private, no-cache"  # names move, and versions are taken back
    return answer


@router.get("/api/models")
def models(request: Request, registry: AsActor, asked: Annotated[listing.Asked, Query()]) -> Response:
    """Registered models, with the filters that clients send; those that we do not know are passed over."""
    items, cursor = listing.models(registry, asked)
    return _listed(request, items, cursor)


@router.get("/api/datasets")
def datasets(request: Request, registry: AsActor, asked: Annotated[listing.Asked, Query()]) -> Response:
    """Registered datasets."""
    items, cursor = listing.datasets(registry, asked)
    return _listed(request, items, cursor)


def _listed(request: Request, items: list[dict[str, Any]], cursor: str | None) -> Response:
    return JSONResponse(items, headers={} if cursor is None else next_page(request, cursor))


def next_page(request: Request, cursor: str | int) -> dict[str, str]:
    """The header that names the next page. A folder's name may hold letters that no header does."""
    url = request.url.replace(path=quote(request.scope["path"])).include_query_params(cursor=cursor)
    return {"Link": f'<{url}>; rel="next"'}


@router.get("/api/whoami-v2")
def whoami(registry: AsActor) -> Response:
    """Who the token belongs to."""
    person = registry.actor
    token = {"displayName": person.handle, "role": "write" if Permission.EDIT in person.permissions else "read"}
    return JSONResponse(
        {"type": "user", "name": person.handle, "orgs": [], "auth": {"type": "access_token", "accessToken": token}}
    )
