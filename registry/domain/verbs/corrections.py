"""Verbs that correct the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry.domain.names import Reference
from registry.domain.transfers.corrections import Correction, NewCorrection


class CorrectionVerbs(Protocol):
    """Corrections of the inputs of steps. What a step was seen to do by the registry itself is not corrected."""

    def ask(self, reference: Reference, wish: NewCorrection) -> Correction:
        """Correct an input of the step that made a version.

        It is made at once, unless the version is freed from something by it or stopped, or the weights prove the input:
        then a second person decides. The answer says which.
        """
        ...

    def decide(self, correction_id: str, *, agree: bool, comment: str = "") -> Correction:
        """Make a correction that was asked for, or refuse it: for who may stop versions, and neither asked nor made it.

        Who asked may take it back, which is to refuse it.
        """
        ...

    def of(self, reference: Reference) -> Sequence[Correction]:
        """The corrections of the inputs of the step that made a version, oldest first."""
        ...

    def show(self, correction_id: str) -> Correction:
        """One correction."""
        ...
