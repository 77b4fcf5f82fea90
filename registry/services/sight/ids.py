"""What the things with an id are about: steps, requests, findings, waivers, recalls, corrections and the like."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from registry.domain.ids import new_id
from registry.domain.names import Name
from registry.domain.paging import every
from registry.domain.people.teams import Sight
from registry.services.sight.mentions import about
from registry.services.unit_of_work import UnitOfWork

ID = re.compile(r"(step|req|fnd|wai|emg|rec|sel|cor)-[0-9a-z]{26}")
_GETTERS: Mapping[str, Callable[[UnitOfWork, str], object]] = {
    "step": lambda uow, one: uow.steps.summary(one),
    "req": lambda uow, one: uow.governance.request(one),
    "fnd": lambda uow, one: uow.reviews.finding(one),
    "wai": lambda uow, one: uow.reviews.waiver(one),
    "emg": lambda uow, one: uow.reviews.emergency(one),
    "cor": lambda uow, one: uow.corrections.get(one),
    "sel": lambda uow, one: uow.selections.get(one) or getattr(uow.selections.ranking(one), "wanted", None),
}


def subject_of(uow: UnitOfWork, public_id: str, sight: Sight, now: datetime) -> Name | None:
    """The model or dataset that the thing with this id is about; None where there is no such thing.

    A recall is about what was taken back, or about a descendant that the person sees, where there is one: it is theirs
    to see, because something is to be decided about what they see.
    """
    if public_id.startswith("rec-"):
        return _recalled(uow, public_id, sight, now)
    value = _GETTERS[public_id.partition("-")[0]](uow, public_id)
    return None if value is None else about(value)


def _recalled(uow: UnitOfWork, recall_id: str, sight: Sight, now: datetime) -> Name | None:
    recall = uow.recalls.recall(recall_id, now=now)
    if recall is None:
        return None
    targets = [ref.name for ref in uow.recalls.targets(recall_id)]
    first = about(recall) or (targets[0] if targets else None)
    if first is None or not sight.hides(first.team):
        return first
    seen = (one for one in targets if not sight.hides(one.team))
    tasks = every(lambda page: uow.recalls.tasks(recall_id, unsettled=False, now=now, page=page))
    seen_below = (task.ref.name for task in tasks if not sight.hides(task.ref.name.team))
    return next(seen, None) or next(seen_below, first)


def unknown_id(like: str, now: datetime) -> str:
    """An id of the same kind that nothing has."""
    return new_id(like.partition("-")[0], now)
