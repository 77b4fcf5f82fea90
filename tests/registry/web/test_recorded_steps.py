"""The page of a step that somebody's own program ran and recorded."""

from __future__ import annotations

from registry.domain.names import Name
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.recorded import RecordTransfer
from tests.serving import ServedRegistry


def test_a_step_that_its_own_program_recorded_has_no_button_to_resume_it(own_served: ServedRegistry) -> None:
    own = RecordTransfer(Name("vision", "own"), Method.FINE_TUNING, (), error="No luck")
    step = own_served.family.registry("dev").transfers.record(own)
    page = own_served.browser("dev").get(f"/steps/{step.summary.id}").text
    assert "No luck" in page
    assert f"/steps/{step.summary.id}/resume" not in page
