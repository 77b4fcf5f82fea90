"""The verbs of corrections, over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.client.transport.addresses import part
from registry.client.transport.connection import LONG, Connection
from registry.domain.codec import to_json
from registry.domain.names import Reference
from registry.domain.transfers.corrections import Correction, NewCorrection


@dataclass(frozen=True, slots=True)
class RemoteCorrections:
    """Implements `CorrectionVerbs`."""

    server: Connection

    def ask(self, reference: Reference, wish: NewCorrection) -> Correction:
        """Correct an input of the step that made a version."""
        path, params = "/lineage/corrections", {"target": reference}
        return self.server.send(Correction, "POST", path, to_json(wish), params=params, seconds=LONG)

    def decide(self, correction_id: str, *, agree: bool, comment: str = "") -> Correction:
        """Make it, or refuse it."""
        path = f"/lineage/corrections/{part(correction_id)}/decision"
        return self.server.send(Correction, "POST", path, {"agree": agree, "comment": comment}, seconds=LONG)

    def of(self, reference: Reference) -> Sequence[Correction]:
        """Those about one version."""
        return self.server.get(tuple[Correction, ...], "/lineage/corrections", {"target": reference})

    def show(self, correction_id: str) -> Correction:
        """One correction."""
        return self.server.get(Correction, f"/lineage/corrections/{part(correction_id)}")
