"""What a comparison of weights makes of a claim, and which inputs are compared at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage import Assurance, Relation, WeightComparison
from registry.domain.transfers.steps import StepInput
from registry.services.artifacts.weights import Laid, assurance_by, compare_folders, source_models, written
from registry.services.context import Context
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import dataset_ref, digest, model_ref
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakePlugins
from tests.registry.services.registries import open_context


def said(relation: Relation) -> WeightComparison:
    return WeightComparison(relation, "Because", 1, 1, 1)


@pytest.mark.parametrize("before", Assurance)
@pytest.mark.parametrize("relation", Relation)
def test_a_claim_is_verified_or_contradicted_and_what_was_seen_stays_seen(
    relation: Relation, before: Assurance
) -> None:
    after = assurance_by(said(relation), before)
    if relation.supports:
        assert after is Assurance.VERIFIED
    elif relation is Relation.UNRELATED and before in {Assurance.DECLARED, Assurance.CONTRADICTED}:
        assert after is Assurance.CONTRADICTED
    else:
        assert after is before


def test_teachers_and_data_leave_no_weights_to_compare() -> None:
    source, teacher, data = (
        StepInput(ref, digest(role), role, None, Assurance.OBSERVED)
        for ref, role in (
            (model_ref("a/b/1"), "source"),
            (model_ref("a/c/1"), "teacher"),
            (dataset_ref("a/d/1"), "train"),
        )
    )
    assert source_models([source, teacher, data]) == [source]


def test_weights_that_cannot_be_read_decide_nothing_and_say_why(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    context: Context = open_context(open_uow, clock, tmp_path / "home", plugins=FakePlugins())
    for name in ("child", "parent"):
        (tmp_path / name).mkdir()
    (tmp_path / "child" / "model.safetensors").write_bytes(b"no header")
    ref = model_ref("vision/parent/1")
    comparison = compare_folders(context, tmp_path / "child", [Laid(ref, tmp_path / "parent")])[ref]
    assert comparison.relation is Relation.UNDECIDABLE
    assert comparison.reason.startswith("The weights could not be compared: 'model.safetensors' is not a valid")


def test_a_manifest_says_nothing_where_nothing_was_compared() -> None:
    assert written({}, {}) == {}
    assert "weights" in written({model_ref("a/b/1"): said(Relation.CAST)}, {})
