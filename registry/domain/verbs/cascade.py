"""Verbs of cascades: what to make again when a parent has a new version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from registry.domain.cascade.plan import CascadePlan
from registry.domain.cascade.run import CascadeResult
from registry.domain.names import Reference


class CascadeVerbs(Protocol):
    """When a parent changes."""

    def plan(self, parent: Reference, *, replaced: Reference | None = None, recall: str | None = None) -> CascadePlan:
        """What was made from `replaced` and would be made again from `parent`; nothing is run or written.

        `replaced` is an earlier version of the same model or dataset; None: the newest one that anything was made from.
        With `recall`, it is what that took back, and `parent` anything of its kind that the recall does not reach:
        those descendants are made again whose task is open.
        Raises: NotFoundError, also where nothing was made from it; InvalidError, RefusedError for a parent that nothing
        may be made from.
        """
        ...

    def run(
        self, plan: CascadePlan, *, side_by_side: int = 1, watch: Callable[[str], None] = lambda _: None
    ) -> CascadeResult:
        """Run the steps of a plan, generation by generation, at most `side_by_side` at a time, and compare the results.

        A new version is compared with the old one on the same test rows. What is worse, or failed, ends there, with
        what waits for it; for each of the others a promotion is requested. No alias is moved. The same plan run again
        goes on where it stands. Raises: InvalidError; what happens to a single step is in the result.
        """
        ...
