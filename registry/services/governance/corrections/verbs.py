"""The verbs of corrections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.domain.names import Reference
from registry.domain.transfers.corrections import Correction, NewCorrection
from registry.services.context import Context
from registry.services.governance.corrections.asking import ask
from registry.services.governance.corrections.deciding import decide
from registry.services.lookup import found, resolve


@dataclass(frozen=True, slots=True)
class Corrections:
    """Implements `CorrectionVerbs`."""

    context: Context

    def ask(self, reference: Reference, wish: NewCorrection) -> Correction:
        """Correct an input of the step that made a version, or ask a second person to."""
        return ask(self.context, reference, wish)

    def decide(self, correction_id: str, *, agree: bool, comment: str = "") -> Correction:
        """Make a correction that was asked for, or refuse it."""
        return decide(self.context, correction_id, agree=agree, comment=comment)

    def of(self, reference: Reference) -> Sequence[Correction]:
        """Those about one version. Raises: NotFoundError."""
        with self.context.read() as uow:
            return uow.corrections.of_step(uow.corrections.step_of(resolve(uow, reference)))

    def show(self, correction_id: str) -> Correction:
        """One correction. Raises: NotFoundError."""
        with self.context.read() as uow:
            return found(uow.corrections.get(correction_id), f"correction {correction_id}", see="lineage corrections")
