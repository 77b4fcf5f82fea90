"""`forebear drift check`: whether the data moved, what moved and by how much."""

from __future__ import annotations

import pytest

from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.names import Reference
from registry.services.context import Context
from registry.services.lookup import resolve
from tests.builders import event
from tests.registry.services.drift.checks import MODEL, checked

WORDS = Reference.parse("models:/text/words/1")


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


def test_longer_texts_are_a_drift_and_it_says_what_moved(context: Context) -> None:
    found = checked(context, "grown")
    assert found.verdict == "drift"
    moved = {(one.what, one.unit): one.effect for one in found.findings if one.moved}
    assert moved["features", "D"] > 0.3
    assert moved["embeddings", "AUC"] > 0.6
    assert moved["predicted classes", "V"] > 0.3
    assert "feature 1 the most" in next(one.detail for one in found.findings if one.what == "features")
    assert "predicted classes moved (V 0." in found.conclusion


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


def test_texts_whose_words_have_tags_are_compared_by_text(context: Context) -> None:
    found = checked(context, "same", WORDS)
    assert found.verdict == "no_drift", found.conclusion
    assert [one.what for one in found.findings] == [
        "features",
        "embeddings",
        "embeddings",
        "outputs",
        "predicted classes",
        "labels",
    ]
    assert found.performance is not None
    assert found.performance.unit == "accuracy of words"
    assert found.performance.before == pytest.approx(0.9 * 27 / 28, abs=0.06)


def test_longer_words_move_the_tags_that_are_answered(context: Context) -> None:
    found = checked(context, "larger", WORDS)
    moved = {one.what: one.effect for one in found.findings if one.moved}
    assert moved["predicted classes"] > 0.3
    assert moved["labels"] > 0.3
    assert {share.name for share in found.shares} == {"long", "short"}
    assert sum(share.now for share in found.shares) == pytest.approx(1.0)


def test_tags_that_got_worse_are_a_fall_of_the_accuracy_of_words(context: Context) -> None:
    found = checked(context, "errs", WORDS)
    assert found.conclusion.startswith("Drift in data/errs/1 for text/words/1: accuracy of words fell from 0.8")


def test_texts_without_tags_are_compared_and_no_accuracy_is_estimated(context: Context) -> None:
    found = checked(context, "naked", WORDS)
    assert found.verdict == "drift"
    assert (found.performance, found.estimate) == (None, None)
    assert any("that needs one class for each row" in note for note in found.notes)
