"""The verbs of cascades, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.client.transport.connection import Connection
from registry.domain.cascade.plan import CascadePlan
from registry.domain.cascade.run import CascadeResult
from registry.domain.names import Reference
from registry.errors import NotRemoteError


@dataclass(frozen=True, slots=True)
class RemoteCascades:
    """Implements `CascadeVerbs`."""

    server: Connection

    def plan(self, parent: Reference, *, replaced: Reference | None = None, recall: str | None = None) -> CascadePlan:
        asked = {"reference": parent, "replaced": replaced, "recall": recall}
        return self.server.get(CascadePlan, "/lineage/cascade", asked)

    def run(
        self,
        plan: CascadePlan,
        *,
        side_by_side: int = 1,  # noqa: ARG002 - the verb's own signature
        watch: Callable[[str], None] = lambda _: None,  # noqa: ARG002 - as above
    ) -> CascadeResult:
        raise NotRemoteError(
            f"The server runs single steps, not the plan for {plan.parent}",
            remedy="Run it on the machine of the registry folder: forebear --home FOLDER cascade run PLAN",
        )
