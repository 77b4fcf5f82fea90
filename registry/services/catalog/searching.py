"""Search over registered models. A filter value that nothing here can match is an error, not an empty answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import islice, product

from registry.domain.catalog.licences import normalise_licence
from registry.domain.catalog.models import ModelSummary, SearchQuery, Spelling
from registry.domain.paging import Page, PageRequest
from registry.domain.text import did_you_mean
from registry.errors import BadFilterError
from registry.services.unit_of_work import UnitOfWork

_TRIED = 9
"""Ways to spell a text that are searched for."""


def search(uow: UnitOfWork, query: SearchQuery, hidden: Collection[str] = ()) -> Page[ModelSummary]:
    """One page of the models that match, without those of teams that are hidden.

    Raises: BadFilterError naming an unknown stage, task, owner or metric.
    """
    if query.sort_metric is not None:
        _check("metric", query.sort_metric, uow.catalog.known("metric", hidden))
    page = uow.catalog.search(as_stored(query), hidden)
    if not page.items and query.page.cursor is None:
        _check_filters(uow, query, hidden)
    return page


def spelling(uow: UnitOfWork, query: SearchQuery, hidden: Collection[str] = ()) -> Spelling:
    """The text of a search that finds nothing, with words that are spelt like its own and find something.

    A word that only models of hidden teams have is not given, and takes the place of no other.
    """
    words = uow.catalog.spellings(query.text, hidden)
    wanted = as_stored(replace(query, page=PageRequest(1)))
    if not words or uow.catalog.search(wanted, hidden).items:
        return Spelling()
    for chosen in islice(product(*words), _TRIED):
        if uow.catalog.search(replace(wanted, text=" ".join(chosen)), hidden).items:
            return Spelling(" ".join(chosen))
    return Spelling()


def as_stored(query: SearchQuery) -> SearchQuery:
    """A licence is stored as SPDX writes it, however it was typed (`apache-2.0`)."""
    return query if query.licence is None else replace(query, licence=normalise_licence(query.licence))


def _check_filters(uow: UnitOfWork, query: SearchQuery, hidden: Collection[str]) -> None:
    """Why nothing matched, where one value alone explains it. A registry without models explains it by itself."""
    checked = (query.stage, query.task, query.owner, *query.metrics)
    if not any(one is not None for one in checked) or not uow.catalog.known("owner", hidden):
        return
    if query.stage is not None:
        from registry.services.governance.policies.stored import published  # noqa: PLC0415 - needed for this condition only

        stages = [stage for policy in published(uow) for stage in policy.stages]
        _check("stage", query.stage, [*stages, *uow.catalog.known("stage", hidden)])
    if query.task is not None:
        _check("task", query.task, uow.catalog.known("task", hidden))
    if query.owner is not None and uow.people.get(query.owner) is None:
        _check("owner", query.owner, uow.catalog.known("owner", hidden))
    for comparison in query.metrics:
        _check("metric", comparison.metric, uow.catalog.known("metric", hidden))


def _check(what: str, value: str, known: Iterable[str]) -> None:
    words = sorted(set(known))
    if words and value not in words:
        raise BadFilterError(f"Unknown {what} {value[:80]!r}{did_you_mean(value, words)}", facts={"known": words})
