"""The verbs of cascades."""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.cascade.plan import CascadePlan
from registry.domain.names import Reference
from registry.domain.people.people import Permission
from registry.services.cascade.planning import plan
from registry.services.context import Context


@dataclass(frozen=True, slots=True)
class Cascades:
    """Implements `CascadeVerbs`."""

    context: Context

    def plan(self, parent: Reference, *, replaced: Reference | None = None) -> CascadePlan:
        """The plan; see `registry.services.cascade.planning`."""
        self.context.actor.require(Permission.READ)
        with self.context.read() as uow:
            return plan(self.context, uow, parent, replaced)
