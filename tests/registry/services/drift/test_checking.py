"""`forebear drift check`: whether the data moved, what moved and by how much, and what to run next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.catalog.models import Status
from registry.domain.drift.report import DriftReport
from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.names import Reference
from registry.domain.verbs.drift import CheckDrift
from registry.errors import InvalidError, NotFoundError, WithheldError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.drift.verbs import Drift
from registry.services.lookup import resolve
from registry.services.recipes.recipes import read_recipe
from tests.builders import event
from tests.registry.services.drift.conftest import Lengths

MODEL = Reference.parse("models:/text/lengths/1")


def data(name: str) -> Reference:
    return Reference.parse(f"datasets:/data/{name}")


def checked(context: Context, name: str, model: Reference = MODEL, **wanted: object) -> DriftReport:
    return Drift(context).check(CheckDrift(model, data(name), **wanted)).report  # type: ignore[arg-type]


def test_rows_like_those_that_it_was_tested_on_show_no_drift(context: Context) -> None:
    found = checked(context, "present")
    assert found.verdict == "no_drift"
    assert found.conclusion == "No drift in data/present/1 for text/lengths/1: nothing moved by more than chance"
    assert found.reference == "the test rows of data/past/1, split test"
    assert (found.before, found.now) == (300, 300)
    assert found.performance is not None
    assert found.performance.before == pytest.approx(0.9, abs=0.05)
    assert not found.performance.moved
    assert found.recipe == ""
    assert [one.row for one in found.streams] == [None, None]


def test_longer_texts_are_a_drift_and_it_says_what_moved_and_proposes_a_transfer(context: Context) -> None:
    found = checked(context, "grown")
    assert found.verdict == "drift"
    moved = {(one.what, one.unit): one.effect for one in found.findings if one.moved}
    assert moved["features", "D"] > 0.3
    assert moved["embeddings", "AUC"] > 0.6
    assert moved["predicted classes", "V"] > 0.3
    assert "feature 1 the most" in next(one.detail for one in found.findings if one.what == "features")
    assert "predicted classes moved (V 0." in found.conclusion
    recipe = read_recipe(found.recipe)
    assert [str(one.model) for one in recipe.given()] == ["models:/text/lengths/1"]
    assert "test: {dataset: datasets:/data/grown/1, split: test}" in found.recipe
    assert found.recipe.startswith(f"# {found.conclusion}.")


def test_answers_that_got_worse_are_a_drift_although_no_input_moved(context: Context) -> None:
    found = checked(context, "worse")
    assert found.performance is not None
    assert found.performance.drop.low > 0.15
    assert found.conclusion.startswith("Drift in data/worse/1 for text/lengths/1: accuracy fell from 0.")
    assert [one.row is not None and one.row < 60 for one in found.streams] == [True, True]
    assert not any(one.moved for one in found.findings)


def test_without_labels_the_accuracy_is_estimated_from_the_answers_alone(context: Context) -> None:
    found = checked(context, "bare")
    assert found.performance is None
    assert found.estimate is not None
    assert found.estimate.low < 0.9 < found.estimate.high + 0.03
    assert sum(one.true or 0.0 for one in found.shares) == pytest.approx(1.0)
    assert found.verdict == "drift"
    assert any("the features moved, so do not rely on it" in note for note in found.notes)
    assert any("has no labels to learn from" in note for note in found.notes)


def test_a_report_is_evidence_with_an_entry_in_the_log_and_is_read_back(context: Context) -> None:
    one = Drift(context).check(CheckDrift(MODEL, data("present")))
    newest = Drift(context).reports(Reference.parse("models:/text/lengths"))[0]
    assert newest == one
    with context.read() as uow:
        entry = list(uow.audit.entries())[-1]
    assert b"drift.checked" in entry.body
    assert one.id.encode() in entry.body


def test_a_drift_asks_for_a_new_approval_where_the_policy_has_the_trigger(context: Context) -> None:
    with context.read() as uow:
        ref, now = resolve(uow, MODEL), context.clock.now()
    held = Attestation(ref, "production", "req-1", "default", now, None, 3_600, ("drift_alert",))
    with context.write() as uow:
        uow.reviews.save_attestation(held)
        uow.commit(event())
    checked(context, "present")
    with context.read() as uow:
        assert uow.reviews.attestation(ref) == held
    found = checked(context, "grown")
    with context.read() as uow:
        called = uow.reviews.attestation(ref)
    assert called is not None
    assert called.cause == found.conclusion
    assert called.due_at is not None


def test_rows_that_stand_in_the_data_of_the_version_are_counted_and_can_be_left_out(context: Context) -> None:
    with pytest.raises(InvalidError, match="Every row of datasets:/data/past/1 stands in data/past/1 too"):
        checked(context, "past")
    with pytest.raises(InvalidError, match="0 rows of data/past/1 are too few"):
        checked(context, "past", new_only=True)


def test_a_version_without_recorded_data_is_compared_with_a_named_dataset(context: Context) -> None:
    imported = Reference.parse("models:/library/strong/1")
    with pytest.raises(InvalidError, match="No data is on record that models:/library/strong/1 was trained or tested"):
        checked(context, "present", imported)
    found = checked(context, "grown", imported, reference=data("present"))
    assert found.reference == "all rows of data/present/1"


def test_what_cannot_be_checked_is_refused_in_a_sentence(context: Context, adapter: Lengths) -> None:
    with pytest.raises(InvalidError, match="20 rows of data/few/1 are too few to check for drift"):
        checked(context, "few")
    with pytest.raises(InvalidError, match="Drift is checked on 50 to 10,000 rows"):
        checked(context, "present", rows=3)
    with pytest.raises(NotFoundError):
        checked(context, "nowhere")
    adapter.broken = True
    try:
        with pytest.raises(InvalidError, match="hold values that are not finite numbers"):
            checked(context, "present", seed=5)
    finally:
        adapter.broken = False
    assert not list((context.home / "work").glob("drift-*"))


def test_a_withdrawn_dataset_is_refused(context: Context) -> None:
    ref = replace(data("worse"), number=1)
    Catalog(context).set_status(ref, Status.SUSPENDED, "a doubt")
    try:
        with pytest.raises(WithheldError):
            checked(context, "worse")
    finally:
        Catalog(context).set_status(ref, Status.ACTIVE, "no doubt")
