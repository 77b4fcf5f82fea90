"""A manifest is never rewritten: what was corrected after it is told beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lineage import Assurance
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute, corrected_since, write_manifest
from registry.domain.transfers.steps import StepInput
from tests.builders import digest, model_ref

AT = datetime(2026, 11, 23, tzinfo=UTC)
BASE = StepInput(model_ref("vision/base/1"), digest("base"), "source", None, Assurance.DECLARED)
TEST = StepInput(model_ref("vision/other/1"), digest("other"), "teacher", "all", Assurance.DECLARED)


@pytest.fixture(scope="module")
def manifest() -> dict[str, object]:
    body, _ = write_manifest(
        step_id="step-1",
        method=Method.IMPORT,
        adapter="torch",
        actor="ana",
        inputs=(BASE, TEST),
        recipe={},
        compute=Compute(),
        started_at=AT,
        ended_at=AT,
        metrics=(),
        outputs=(),
        facts={},
    )
    found: dict[str, object] = json.loads(body)
    return found


def test_where_nothing_was_corrected_nothing_is_told(manifest: dict[str, object]) -> None:
    assert corrected_since(manifest, (TEST, BASE)) == ()
    assert corrected_since(manifest, (replace(BASE, assurance=Assurance.VERIFIED), TEST)) == (), (
        "checked is not corrected"
    )
    assert corrected_since(None, (BASE,)) == ()
    assert corrected_since({"schema": "of a newer program"}, (BASE,)) == ()


def test_another_input_another_role_and_none_are_told_with_both_sides(manifest: dict[str, object]) -> None:
    other = replace(BASE, ref=model_ref("vision/newer/2"))
    said = "The manifest says what was declared first, {}. The ancestry was corrected since: {}"
    first = "models:/vision/base/1 as source"
    assert corrected_since(manifest, (other, TEST)) == (said.format(first, "models:/vision/newer/2 as source"),)
    assert corrected_since(manifest, (TEST,)) == (said.format(first, "no other input"),)
    role = replace(TEST, role="source", split=None)
    was, now = "models:/vision/other/1 as teacher (split all)", "models:/vision/other/1 as source"
    assert corrected_since(manifest, (BASE, role)) == (said.format(was, now),)
