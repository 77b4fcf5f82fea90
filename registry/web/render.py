"""Templates: one environment, escaped throughout, and the filters for times, digests and words that pages share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request

from lineage import Digest
from registry import __version__
from registry.domain.data.labels import label_summary
from registry.domain.ids import is_id
from registry.domain.names import AssetKind, VersionRef
from registry.domain.verbs.registry import Registry
from registry.presenting.formats import duration, epoch, number, sentence, size
from registry.presenting.kinship import figures
from registry.web.keeping import kept

HERE = Path(__file__).parent
STATIC = HERE / "static"


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page has around its own content. Before sign-in there is no one (`who` is empty)."""

    who: str
    roles: tuple[str, ...]
    admin: bool
    csrf: str
    section: str
    api: str
    """The address of the same data as JSON; empty where there is none."""
    passwords: bool = False
    """Whether people may have one here."""
    provider: bool = False
    """Whether people sign in by an identity provider."""
    version: str = __version__


def page(
    request: Request, template: str, context: Any, *, section: str, api: str = "", status: int = 200
) -> HTMLResponse:
    """Render `template` with the fields of the dataclass `context`, inside the frame."""
    registry: Registry | None = getattr(request.state, "registry", None)
    frame = Frame(
        who=registry.actor.handle if registry else "",
        roles=tuple(sorted(registry.actor.roles)) if registry else (),
        admin="admin" in registry.actor.permissions if registry else False,
        csrf=getattr(request.state, "csrf", ""),
        section=section,
        api=api,
        passwords=request.app.state.settings.passwords,
        provider=bool(request.app.state.settings.oidc_issuer),
    )
    shown = {field.name: getattr(context, field.name) for field in fields(context)}
    html = environment().get_template(template).render(frame=frame, here=str(request.url.path), **shown)
    return kept(request, HTMLResponse(html, status), frame.csrf)


def part(template: str, context: Any) -> HTMLResponse:
    """Render a piece of a page, which a script puts into the page that is there."""
    shown = {field.name: getattr(context, field.name) for field in fields(context)}
    return HTMLResponse(environment().get_template(template).render(shown))


@cache
def environment() -> Environment:
    """The one Jinja environment: autoescape everywhere, and an undefined word is an error."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        day=day,
        moment=moment,
        ago=ago,
        duration=duration,
        epoch=epoch,
        size=size,
        number=number,
        sentence=sentence,
        short=short,
        figures=figures,
        words=words,
        href=href,
        address=address,
        label_summary=label_summary,
    )
    made.globals.update(static=static, link=link)
    return made


@cache
def static(path: str) -> str:
    """The address of a static file, with its digest, so that a browser may keep it for good."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


def link(path: str, query: Mapping[str, object] | None = None, **more: object) -> str:
    """`path` with a query string of everything that is not None and not empty; lists become repeated keys."""
    values = {**(query or {}), **more}
    kept = {key: value for key, value in values.items() if value not in (None, "", [], ())}
    return f"{path}?{urlencode(kept, doseq=True)}" if kept else path


def href(ref: VersionRef) -> str:
    """The page of a version."""
    room = "models" if ref.kind is AssetKind.MODELS else "datasets"
    return quote(f"/{room}/{ref.name}/{ref.number}")


def address(subject: str) -> str:
    """The page of what an audit entry is about: a model, dataset, step, request or person; empty for others."""
    kind, _, rest = subject.partition(":/")
    if rest and kind in {"models", "datasets"}:
        return quote(f"/{kind}/{rest.lstrip('/').partition('@')[0]}")
    if is_id(subject):
        rooms = {"step": "/steps/", "req": "/promotions/"}
        return rooms.get(subject.partition("-")[0], "") and rooms[subject.partition("-")[0]] + subject
    return "/people" if subject.startswith("person:") else ""


def day(at: datetime) -> str:
    """`23 Nov 2026`."""
    return f"{at.day} {at:%b %Y}"


def moment(at: datetime) -> str:
    """`2026-11-23 04:05:06 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def ago(at: datetime, now: datetime | None = None) -> str:
    """How long ago in one unit, and after a month the day itself."""
    seconds = ((now or datetime.now(UTC)) - at).total_seconds()
    for limit, unit, word in ((60, 1, "second"), (3600, 60, "minute"), (86400, 3600, "hour"), (2.6e6, 86400, "day")):
        if seconds < limit:
            count = max(int(seconds // unit), 0)
            return "just now" if word == "second" else f"{count} {word}{'' if count == 1 else 's'} ago"
    return day(at)


def short(digest: Digest) -> str:
    """The first twelve digits."""
    return digest.short


def words(text: object) -> str:
    """`feature_extraction` as `feature extraction`."""
    return str(text).replace("_", " ").replace("-", " ")
