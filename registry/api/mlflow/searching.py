"""Searches of MLflow's clients: filtered, in the order that is asked for, a page at a time, by lists of the catalog.

A name is `team.name` to them and `team/name` in the catalog: where one has a dot, the other has a slash. At the address
of a team it is read as `naming` reads it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from registry.api.mlflow.grammar import MODELS, VERSIONS, Clause, orders, parse
from registry.api.mlflow.prompts import without_prompts
from registry.api.mlflow.showing import RUN_ID, Shown
from registry.domain.catalog.picking import Comparison, Of, Picked, Sort
from registry.domain.paging import MAX_LIMIT, Page, PageRequest
from registry.errors import BadCursorError, BadNameError, InvalidError

T = TypeVar("T")
MOST_MODELS, USUAL_MODELS = 1000, 100
MOST_VERSIONS, USUAL_VERSIONS = 200_000, 10_000
Answer = tuple[list[dict[str, Any]], str | None]
_SORTS = {
    "name": Sort.NAME,
    "version_number": Sort.NUMBER,
    "creation_timestamp": Sort.CREATED,
    "last_updated_timestamp": Sort.UPDATED,
}


def models(shown: Shown, text: str, order: Sequence[str], limit: int | None, token: str) -> Answer:
    """One page of registered models, and the token of the next.

    Raises: BadFilterError, InvalidError, BadCursorError.
    """
    limit = _limit(USUAL_MODELS if limit is None else limit, "request parameter max_results", least=0, most=MOST_MODELS)
    clauses, wanted = without_prompts(parse(text, MODELS)), orders(order, MODELS)
    if clauses is None or not limit:
        return [], None
    picked = Picked(tuple(_comparison(one, shown) for one in clauses), _sorts(wanted), team=shown.team)
    found, following = _pages(shown.registry.catalog.list_models, picked, limit, token, (text, *order))
    return [shown.listed(one) for one in found], following


def model_versions(shown: Shown, text: str, order: Sequence[str], limit: int | None, token: str) -> Answer:
    """One page of versions, the last updated first where no order is asked for. Raises: as `models`."""
    limit = _limit(USUAL_VERSIONS if limit is None else limit, "max_results", least=1, most=MOST_VERSIONS)
    clauses, wanted = without_prompts(parse(text, VERSIONS)), orders(order, VERSIONS)
    if clauses is None:
        return [], None
    compared = tuple(one for clause in clauses for one in _of_version(clause, shown))
    sorts = _sorts(wanted) or ((Sort.UPDATED, True),)
    picked = Picked(compared, sorts, addresses=shown.artifacts, team=shown.team)
    found, following = _pages(shown.registry.catalog.list_versions, picked, limit, token, (text, *order))
    return [shown.listed_version(one) for one in found], following


def _pages(
    read: Callable[[Picked], Page[T]], picked: Picked, limit: int, token: str, query: Sequence[str]
) -> tuple[list[T], str | None]:
    """As many as are asked for, read by the largest pages that the catalog gives."""
    found: list[T] = []
    cursor = _opened(token, query) if token else None
    while len(found) < limit:
        page = PageRequest(min(limit - len(found), MAX_LIMIT), cursor)
        some = read(replace(picked, page=page))
        found += some.items
        cursor = some.next_cursor
        if cursor is None:
            return found, None
    return found, _sealed(str(cursor), query)


def _sorts(wanted: Sequence[tuple[str, bool]]) -> tuple[tuple[Sort, bool], ...]:
    return tuple((_SORTS[field], descends) for field, descends in wanted)


def _comparison(clause: Clause, shown: Shown) -> Comparison:
    """A name or a tag."""
    if clause.tag:
        return Comparison(Of.TAG, clause.operator, clause.value, clause.key)
    value = clause.value
    if shown.team and "LIKE" in clause.operator:  # a pattern is compared with the name as it was spelled
        return Comparison(Of.CALLED, clause.operator, value)
    known = tuple(_known(one, shown) for one in value) if isinstance(value, tuple) else _known(str(value), shown)
    return Comparison(Of.NAME, clause.operator, known)


def _known(name: str, shown: Shown) -> str:
    """A name of MLflow as the catalog has it; nothing's name where it can be none."""
    if not shown.team:
        return name.replace(".", "/")
    try:
        return str(shown.naming.read(name))
    except BadNameError:
        return ""


def _of_version(clause: Clause, shown: Shown) -> Iterator[Comparison]:
    if clause.tag or clause.key == "name":
        yield _comparison(clause, shown)
    elif clause.key == "run_id":
        yield Comparison(Of.TAG, clause.operator, clause.value, RUN_ID, absent="")
    elif clause.key == "version_number":
        yield Comparison(Of.NUMBER, clause.operator, clause.value)
    elif clause.operator == "=":
        name, _, number = str(clause.value).removeprefix(f"{shown.artifacts}/").partition("/")
        exact = clause.value == f"{shown.artifacts}/{name}/{number}" and number.isascii() and number.isdecimal()
        yield Comparison(Of.NAME, "=", _known(name, shown) if exact and number[0] != "0" and len(number) < 10 else "")
        yield Comparison(Of.NUMBER, "=", int(number) if exact and len(number) < 10 else 0)
    else:
        yield Comparison(Of.ADDRESS, clause.operator, clause.value)


def _limit(limit: int, called: str, *, least: int, most: int) -> int:
    """`limit`, if it is one; `called` is what MLflow calls it there."""
    if not least <= limit <= most:
        raise InvalidError(f"Invalid value for {called}", remedy=f"It is {limit:,}; ask for {least} to {most:,}")
    return limit


def _sealed(position: str, query: Sequence[str]) -> str:
    """A page token: where a page begins, and of which search."""
    return base64.urlsafe_b64encode(f"{_name_of(query)}:{position}".encode()).decode()


def _opened(token: str, query: Sequence[str]) -> str:
    """Where the page begins. Raises: BadCursorError for a token of another search, and for what is no token."""
    try:
        of, _, position = base64.urlsafe_b64decode(token.encode("ascii")).decode("ascii").partition(":")
    except ValueError:
        raise BadCursorError(
            "Invalid page token, could not base64-decode", remedy="Begin again without a token"
        ) from None
    if of != _name_of(query):
        raise BadCursorError("Invalid page token: it is not from this search", remedy="Begin again without a token")
    return position


def _name_of(query: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(query).encode()).hexdigest()[:16]
