"""Transfer steps and promotion requests."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from forebear.notebooks import shown
from registry.domain.governance.promotion import RequestDetail
from registry.domain.names import AssetKind, Reference
from registry.domain.transfers.step_events import GOING
from registry.domain.transfers.steps import StepDetail
from registry.domain.verbs.registry import Registry as Verbs
from registry.errors import StepStateError

if TYPE_CHECKING:
    from forebear.models import Version


@dataclass(frozen=True, slots=True)
class Transfer:
    """One transfer step, as it was when it was asked. `detail` is all that the registry says of it."""

    detail: StepDetail
    verbs: Verbs = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """Its public id."""
        return self.detail.summary.id

    @property
    def state(self) -> str:
        """`queued`, `running`, or how it ended."""
        return self.detail.summary.state.value

    @property
    def metrics(self) -> Mapping[str, float]:
        """What it measured on its test role."""
        return self.detail.summary.metrics

    def refresh(self) -> Transfer:
        """The step as it is now."""
        return Transfer(self.verbs.transfers.step(self.id), self.verbs)

    def wait(self, *, seconds: float = 2.0) -> Transfer:
        """The step when it has ended; it is looked at every `seconds`."""
        while self.verbs.transfers.news(self.id, after=10**18).summary.state in GOING:
            time.sleep(seconds)
        return self.refresh()

    def cancel(self) -> Transfer:
        """Stop it. Raises: StepStateError."""
        return Transfer(self.verbs.transfers.cancel(self.id), self.verbs)

    def log(self) -> str:
        """What its workers have written."""
        return self.verbs.transfers.log(self.id)

    def output(self) -> Version:
        """The version that it made. Raises: StepStateError for a step that made no model."""
        from forebear.models import Version  # noqa: PLC0415 - each of the two makes objects of the other

        made = self.detail.summary.output
        if made is None or made.kind is not AssetKind.MODELS:
            raise StepStateError(f"{self.id} is {self.state} and has made no model")
        return Version(self.verbs.catalog.version(Reference.to(made)), self.verbs)

    def __repr__(self) -> str:
        return f"Transfer({self.id!r}, {self.state})"

    def _repr_html_(self) -> str:
        said = self.detail.summary
        facts = {
            "state": self.state, "method": said.method.value, "makes": said.output or said.wanted,
            "by": said.created_by, "epochs": f"{said.epoch:g} of {said.epochs}", "metrics": self.metrics,
            "error": said.error,
        }  # fmt: skip
        return shown(self.id, facts)


@dataclass(frozen=True, slots=True)
class Promotion:
    """One promotion request, as it was when it was asked. `detail` is all that the registry says of it."""

    detail: RequestDetail
    verbs: Verbs = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        """Its public id."""
        return self.detail.summary.id

    @property
    def state(self) -> str:
        """`open`, or how it was closed."""
        return self.detail.summary.state.value

    @property
    def allowed(self) -> bool:
        """Whether the policy allows it now."""
        return self.detail.verdict.allowed

    @property
    def reasons(self) -> Sequence[str]:
        """Every reason why the policy does not allow it now."""
        return self.detail.verdict.reasons

    def refresh(self) -> Promotion:
        """The request as it is now."""
        return Promotion(self.verbs.promotions.request_detail(self.id), self.verbs)

    def approve(self, comment: str = "") -> Promotion:
        """Vote for. The last approval that is needed promotes the version. Raises: PolicyRefusedError."""
        return Promotion(self.verbs.promotions.approve(self.id, comment=comment), self.verbs)

    def reject(self, comment: str) -> Promotion:
        """Vote against, with the reason. Raises: PolicyRefusedError."""
        return Promotion(self.verbs.promotions.reject(self.id, comment=comment), self.verbs)

    def withdraw(self) -> Promotion:
        """Withdraw one's own request."""
        return Promotion(self.verbs.promotions.withdraw(self.id), self.verbs)

    def __repr__(self) -> str:
        return f"Promotion({self.id!r}, {self.detail.summary.ref} to {self.detail.summary.to_stage}, {self.state})"

    def _repr_html_(self) -> str:
        said = self.detail.summary
        facts = {
            "version": said.ref, "to": said.to_stage, "state": self.state, "requested by": said.requested_by,
            "comment": said.comment, "missing": self.reasons,
        }  # fmt: skip
        return shown(self.id, facts)
