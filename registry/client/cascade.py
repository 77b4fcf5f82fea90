"""The verbs of cascades, over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from registry.client.transport.connection import Connection
from registry.domain.cascade.plan import CascadePlan
from registry.domain.names import Reference


@dataclass(frozen=True, slots=True)
class RemoteCascades:
    """Implements `CascadeVerbs`."""

    server: Connection

    def plan(self, parent: Reference, *, replaced: Reference | None = None) -> CascadePlan:
        return self.server.get(CascadePlan, "/lineage/cascade", {"reference": parent, "replaced": replaced})
