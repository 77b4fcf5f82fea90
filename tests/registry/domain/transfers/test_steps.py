"""States of transfer steps: what can be done with a step in each."""

from __future__ import annotations

from registry.domain.transfers.steps import StepState


def test_only_a_step_that_stopped_before_its_end_can_be_resumed() -> None:
    assert {state for state in StepState if state.may_resume} == {StepState.INTERRUPTED, StepState.FAILED}


def test_a_step_can_be_cancelled_until_it_succeeded_or_was_cancelled() -> None:
    assert {state for state in StepState if not state.may_cancel} == {StepState.SUCCEEDED, StepState.CANCELLED}
