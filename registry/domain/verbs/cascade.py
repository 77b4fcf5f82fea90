"""Verbs of cascades: what to make again when a parent has a new version."""

from __future__ import annotations

from typing import Protocol

from registry.domain.cascade.plan import CascadePlan
from registry.domain.names import Reference


class CascadeVerbs(Protocol):
    """When a parent changes."""

    def plan(self, parent: Reference, *, replaced: Reference | None = None) -> CascadePlan:
        """What was made from `replaced` and would be made again from `parent`; nothing is run or written.

        `replaced` is an earlier version of the same model or dataset; None: the newest one that anything was made from.
        Raises: NotFoundError, also where nothing was made from it; InvalidError, RefusedError for a parent that nothing
        may be made from.
        """
        ...
