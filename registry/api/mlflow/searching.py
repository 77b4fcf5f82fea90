"""Searches of MLflow's clients: filtered, in the order that is asked for, a page at a time.

A filter that names the models looks at these alone; any other looks at every model that the caller may read.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from registry.api.mlflow.grammar import MODELS, VERSIONS, Clause, orders, parse
from registry.api.mlflow.prompts import without_prompts
from registry.api.mlflow.showing import RUN_ID, Shown, named, read_name, versions
from registry.domain.catalog.models import ModelSummary, SearchQuery, SortKey, VersionSummary
from registry.domain.names import Reference
from registry.domain.paging import MAX_LIMIT, PageRequest, every
from registry.domain.verbs.registry import Registry
from registry.errors import BadCursorError, BadNameError, InvalidError, NotFoundError

T = TypeVar("T")
MOST_MODELS, USUAL_MODELS = 1000, 100
MOST_VERSIONS, USUAL_VERSIONS = 200_000, 10_000
Answer = tuple[list[dict[str, Any]], str | None]


def models(shown: Shown, text: str, order: Sequence[str], limit: int | None, token: str) -> Answer:
    """One page of registered models, and the token of the next.

    Raises: BadFilterError, InvalidError, BadCursorError.
    """
    limit = _limit(USUAL_MODELS if limit is None else limit, least=0, most=MOST_MODELS)
    clauses, wanted = without_prompts(parse(text, MODELS)), orders(order, MODELS)
    if clauses is None:
        return [], None
    if limit and not clauses and wanted in {(), (("name", False),)}:
        return _listed(shown, limit, token, (text, *order))
    found = [
        one
        for one in _models(shown.registry, clauses)
        if all(clause.holds(_of_model(clause, one)) for clause in clauses)
    ]
    fields: dict[str, Callable[[ModelSummary], Any]] = {
        "name": lambda one: named(one.name),
        "creation_timestamp": lambda one: one.created_at,
        "last_updated_timestamp": lambda one: one.updated_at,
    }
    page, following = _page(_sorted(found, (*wanted, ("name", False)), fields), limit, token, (text, *order))
    return [shown.model(one.name) for one in page], following


def _listed(shown: Shown, limit: int, token: str, query: Sequence[str]) -> Answer:
    """A page of all models by name, read as one page of the catalog whatever lies before and after it."""
    cursor = _opened(token, query) if token else None
    asked = SearchQuery(sort=SortKey.NAME, descending=False, page=PageRequest(min(limit, MAX_LIMIT), cursor))
    page = shown.registry.catalog.search(asked)
    following = page.next_cursor
    return [shown.model(one.name) for one in page.items], _sealed(following, query) if following else None


def model_versions(shown: Shown, text: str, order: Sequence[str], limit: int | None, token: str) -> Answer:
    """One page of versions, newest first where no order is asked for. Raises: as `models`."""
    limit = _limit(USUAL_VERSIONS if limit is None else limit, least=1, most=MOST_VERSIONS)
    clauses, wanted = without_prompts(parse(text, VERSIONS)), orders(order, VERSIONS)
    if clauses is None:
        return [], None
    plain = [clause for clause in clauses if not _needs_detail(clause)]
    deep = [clause for clause in clauses if _needs_detail(clause)]
    found = [
        one
        for model in _models(shown.registry, clauses)
        for one in versions(shown.registry, model.name)
        if all(clause.holds(_of_version(clause, one, shown)) for clause in plain) and _deep(shown.registry, one, deep)
    ]
    fields: dict[str, Callable[[VersionSummary], Any]] = {
        "name": lambda one: named(one.ref.name),
        "version_number": lambda one: one.ref.number,
        "creation_timestamp": lambda one: one.created_at,
        "last_updated_timestamp": lambda one: one.created_at,
    }
    usual = () if wanted else (("last_updated_timestamp", True),)
    by = (*wanted, *usual, ("name", False), ("version_number", True))
    page, following = _page(_sorted(found, by, fields), limit, token, (text, *order))
    return [shown.version(Reference.to(one.ref)) for one in page], following


def _models(registry: Registry, clauses: Iterable[Clause]) -> Iterator[ModelSummary]:
    """The models that can match: those that are named, else all."""
    for clause in clauses:
        if not clause.tag and clause.key == "name" and clause.operator in {"=", "IN"}:
            listed = clause.value if isinstance(clause.value, tuple) else (str(clause.value),)
            yield from filter(None, (_model(registry, text) for text in dict.fromkeys(listed)))
            return
    yield from every(lambda page: registry.catalog.search(SearchQuery(sort=SortKey.NAME, descending=False, page=page)))


def _model(registry: Registry, text: str) -> ModelSummary | None:
    try:
        return registry.catalog.model(read_name(text)).summary
    except (NotFoundError, BadNameError):
        return None


def _of_model(clause: Clause, model: ModelSummary) -> str | None:
    return model.tags.get(clause.key) if clause.tag else named(model.name)


def _needs_detail(clause: Clause) -> bool:
    return clause.tag or clause.key == "run_id"


def _of_version(clause: Clause, version: VersionSummary, shown: Shown) -> str | int:
    if clause.key == "version_number":
        return version.ref.number
    return shown.source(version.ref) if clause.key == "source_path" else named(version.ref.name)


def _deep(registry: Registry, version: VersionSummary, clauses: Sequence[Clause]) -> bool:
    """Whether what only the whole version tells is as the clauses ask."""
    if not clauses:
        return True
    tags = registry.catalog.version(Reference.to(version.ref)).tags
    return all(clause.holds(tags.get(clause.key) if clause.tag else tags.get(RUN_ID, "")) for clause in clauses)


def _limit(limit: int, *, least: int, most: int) -> int:
    if not least <= limit <= most:
        raise InvalidError(f"The parameter max_results is {limit:,}", remedy=f"Ask for {least} to {most:,}")
    return limit


def _sorted(found: list[T], by: Iterable[tuple[str, bool]], fields: dict[str, Callable[[T], Any]]) -> list[T]:
    for field, descends in reversed(list(by)):
        found.sort(key=fields[field], reverse=descends)
    return found


def _page(found: list[T], limit: int, token: str, query: Sequence[str]) -> tuple[list[T], str | None]:
    """The slice that `token` begins at, and the token of the next, which is good for the same query alone."""
    start = _start(token, query) if token else 0
    following = start + limit
    more = limit and following < len(found)
    return found[start:following], _sealed(str(following), query) if more else None


def _start(token: str, query: Sequence[str]) -> int:
    offset = _opened(token, query)
    if not (offset.isascii() and offset.isdigit() and len(offset) < 10):
        raise _foreign()
    return int(offset)


def _sealed(position: str, query: Sequence[str]) -> str:
    """A page token: where a page begins, and of which search."""
    return base64.urlsafe_b64encode(f"{_name_of(query)}:{position}".encode()).decode()


def _opened(token: str, query: Sequence[str]) -> str:
    """Where the page begins. Raises: BadCursorError for a token of another search, and for what is no token."""
    try:
        of, _, position = base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii").partition(":")
    except ValueError:
        raise _foreign() from None
    if of != _name_of(query):
        raise _foreign()
    return position


def _name_of(query: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(query).encode()).hexdigest()[:16]


def _foreign() -> BadCursorError:
    return BadCursorError("The page token is not from this search", remedy="Begin again without a token")
