"""The verbs of cascades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.domain.cascade.plan import CascadePlan
from registry.domain.cascade.run import CascadeResult
from registry.domain.names import Reference
from registry.domain.people.people import Permission
from registry.services.cascade.planning import plan
from registry.services.context import Context


@dataclass(frozen=True, slots=True)
class Cascades:
    """Implements `CascadeVerbs`."""

    context: Context

    def plan(self, parent: Reference, *, replaced: Reference | None = None, recall: str | None = None) -> CascadePlan:
        """The plan; see `registry.services.cascade.planning`."""
        self.context.actor.require(Permission.READ)
        with self.context.read() as uow:
            return plan(self.context, uow, parent, replaced, recall)

    def run(
        self, plan: CascadePlan, *, side_by_side: int = 1, watch: Callable[[str], None] = lambda _: None
    ) -> CascadeResult:
        """Run the plan; see `registry.services.cascade.running`."""
        from registry.services.cascade.running import run  # noqa: PLC0415 - it needs NumPy

        return run(self.context, plan, side_by_side, watch)
