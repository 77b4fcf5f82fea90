"""What is kept of a transfer step while it runs and after."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from lineage import Assurance
from registry.domain.manifests import canonical_json
from registry.domain.names import Name
from registry.domain.paging import PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import EpochMetric, MirrorState, Progress, StepState
from registry.errors import NotFoundError
from registry.services.storage.transfers import NewStep
from registry.services.unit_of_work import UnitOfWork
from registry.storage.database import Database
from registry.storage.transfers.leases import SqlLeases
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_dataset_version, add_version, digest, metric, model_ref, step, step_input
from tests.fakes.clock import FakeClock

LATER, LAST = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
QUEUED = frozenset({StepState.QUEUED})
RUNNING = frozenset({StepState.RUNNING})


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    with open_uow(actor="ana", write=True) as uow:
        yield uow


@pytest.fixture
def queued(uow: UnitOfWork) -> NewStep:
    """A queued fine-tuning of vision/base on vision/scans."""
    base, scans = add_version(uow, "vision/base"), add_dataset_version(uow, "vision/scans")
    inputs = [
        step_input(base, role="source"),
        step_input(scans, role="train", split="train", assurance=Assurance.DECLARED),
    ]
    new = step("vision/digits", inputs=inputs, state=StepState.QUEUED, epochs=3)
    uow.steps.add(new)
    return new


def state_of(uow: UnitOfWork, step_id: str) -> StepState:
    found = uow.steps.get(step_id)
    assert found is not None
    return found.summary.state


def test_a_step_comes_back_as_it_was_written(uow: UnitOfWork, queued: NewStep) -> None:
    found = uow.steps.get(queued.id)
    assert found is not None
    summary = found.summary
    assert (summary.id, summary.method, summary.adapter, summary.state) == (
        queued.id, Method.FINE_TUNING, "torch", StepState.QUEUED,
    )  # fmt: skip
    assert (summary.wanted, summary.output, summary.epochs, summary.epoch) == (Name.parse("vision/digits"), None, 3, 0)
    assert (summary.started_at, summary.ended_at, summary.created_at) == (None, None, NOW)
    assert found.recipe == queued.recipe
    assert [(g.ref.label, g.role, g.split, g.assurance) for g in found.inputs] == [
        ("vision/base/1", "source", None, Assurance.OBSERVED),
        ("vision/scans/1", "train", "train", Assurance.DECLARED),
    ]
    assert (found.manifest, found.manifest_digest, found.curve, found.measured) == (None, None, (), ())
    assert found.mirror == MirrorState("off")
    assert uow.steps.get("step-none") is None


def test_steps_are_found_by_a_tag_of_their_recipe(uow: UnitOfWork, queued: NewStep) -> None:
    tagged = [
        replace(step(name), recipe={"tags": {"cascade": tag}, "output": name})
        for name, tag in (("vision/digits", "cas-1"), ("vision/digits", "cas-2"), ("vision/other", "cas-1"))
    ]
    for one in tagged:
        uow.steps.add(one)
    named = Name.parse("vision/digits"), Name.parse("vision/other")
    assert [one.id for one in uow.steps.tagged(named, "cascade", "cas-1")] == [tagged[2].id, tagged[0].id]
    assert [one.id for one in uow.steps.tagged(named[:1], "cascade", "cas-1")] == [tagged[0].id]
    assert uow.steps.tagged(named, "colour", "cas-1") == uow.steps.tagged(named, "cascade", "cas") == []


def test_an_input_of_a_step_must_exist(uow: UnitOfWork) -> None:
    with pytest.raises(NotFoundError, match="vision/none/1"):
        uow.steps.add(step("vision/digits", inputs=[step_input(model_ref("vision/none/1"), role="source")]))


def test_a_step_moves_only_from_where_it_was_expected(uow: UnitOfWork, queued: NewStep) -> None:
    assert uow.steps.move(queued.id, expected=QUEUED, to=StepState.RUNNING, at=LATER)
    assert not uow.steps.move(queued.id, expected=QUEUED, to=StepState.CANCELLED, at=LATER)
    assert state_of(uow, queued.id) is StepState.RUNNING
    assert uow.steps.move(queued.id, expected=RUNNING, to=StepState.FAILED, at=LAST, error="the loss is no number")
    found = uow.steps.get(queued.id)
    assert found is not None
    assert (found.summary.started_at, found.summary.ended_at) == (LATER, LAST)
    assert found.summary.error == "the loss is no number"


def test_a_resumed_step_keeps_its_start_and_forgets_its_end(uow: UnitOfWork, queued: NewStep) -> None:
    uow.steps.move(queued.id, expected=QUEUED, to=StepState.RUNNING, at=NOW)
    uow.steps.move(queued.id, expected=RUNNING, to=StepState.INTERRUPTED, at=LATER, error="killed")
    uow.steps.move(queued.id, expected=frozenset({StepState.INTERRUPTED}), to=StepState.RUNNING, at=LAST)
    found = uow.steps.get(queued.id)
    assert found is not None
    assert (found.summary.started_at, found.summary.ended_at, found.summary.error) == (NOW, None, None)


def test_moving_a_missing_step_to_another_state_is_an_error(uow: UnitOfWork) -> None:
    with pytest.raises(NotFoundError):
        uow.steps.move("step-none", expected=QUEUED, to=StepState.RUNNING, at=NOW)


RUN_OUT = -1.0
"""Seconds of a lease that is over when it begins: on PostgreSQL no test can move the clock."""


def test_a_step_is_held_by_one_worker_until_its_lease_runs_out(uow: UnitOfWork, queued: NewStep) -> None:
    assert uow.leases.get(queued.id) is None
    uow.leases.offer(queued.id, "ray", seconds=60)
    assert uow.leases.take(queued.id, "one", "host-1", seconds=60)
    assert not uow.leases.take(queued.id, "two", "host-2", seconds=60)
    held = uow.leases.get(queued.id)
    assert held is not None
    assert (held.engine, held.worker, held.machine, held.live) == ("ray", "one", "host-1", True)
    found = uow.steps.get(queued.id)
    assert found is not None
    assert found.lease == held
    uow.leases.offer(queued.id, "ray", seconds=60)
    assert uow.leases.take(queued.id, "one", "host-1", seconds=RUN_OUT)
    held = uow.leases.get(queued.id)
    assert held is not None
    assert not held.live
    assert uow.leases.take(queued.id, "two", "host-2", seconds=60)
    held = uow.leases.get(queued.id)
    assert held is not None
    assert (held.worker, held.machine, held.live) == ("two", "host-2", True)


def test_a_lease_is_renewed_by_its_holder_while_the_step_runs(uow: UnitOfWork, queued: NewStep) -> None:
    uow.leases.take(queued.id, "one", "host-1", seconds=60)
    assert not uow.leases.renew(queued.id, "one", seconds=60), "it is queued, and does not run"
    uow.steps.move(queued.id, expected=QUEUED, to=StepState.RUNNING, at=NOW)
    assert not uow.leases.renew(queued.id, "two", seconds=60)
    assert uow.leases.renew(queued.id, "one", seconds=60)
    assert uow.leases.renew(queued.id, "one", seconds=RUN_OUT)
    assert not uow.leases.renew(queued.id, "one", seconds=60), "what ran out is not taken up again"
    assert uow.leases.renew(queued.id, "one", seconds=RUN_OUT, held=True), (
        "but if only the clock was set forward, it is"
    )
    uow.leases.take(queued.id, "two", "host-2", seconds=60)
    assert not uow.leases.renew(queued.id, "one", seconds=60, held=True), "unless another worker has it"
    assert uow.leases.renew(queued.id, "two", seconds=60)
    uow.steps.move(queued.id, expected=RUNNING, to=StepState.CANCELLED, at=NOW)
    assert not uow.leases.renew(queued.id, "two", seconds=60)


def test_a_step_that_is_offered_again_has_no_worker(uow: UnitOfWork, queued: NewStep) -> None:
    uow.leases.take(queued.id, "one", "host-1", seconds=60)
    uow.leases.offer(queued.id, "local", seconds=0)
    offered = uow.leases.get(queued.id)
    assert offered is not None
    assert (offered.engine, offered.worker, offered.machine, offered.live) == ("local", None, None, False)
    assert uow.leases.take(queued.id, "two", "host-2", seconds=60), "also when the engine took its time"


def test_there_is_no_lease_of_a_missing_step(uow: UnitOfWork) -> None:
    with pytest.raises(NotFoundError):
        uow.leases.take("step-none", "one", "host-1", seconds=60)


@pytest.mark.postgres
def test_a_lease_that_somebody_is_taking_is_passed_over_and_not_waited_for(postgres_database: Database) -> None:
    """Also by programs that do not take the writer's place first."""
    clock = FakeClock()
    new = step("vision/digits", state=StepState.QUEUED)
    with postgres_database.factory(clock)(actor="ana", write=True) as uow:
        uow.steps.add(new)
        uow.leases.offer(new.id, "local", seconds=60)
        uow.commit_unaudited()
    with postgres_database.engine.connect() as one, postgres_database.engine.connect() as two:
        assert SqlLeases(one, clock).take(new.id, "one", "host-1", seconds=60)
        assert not SqlLeases(two, clock).take(new.id, "two", "host-2", seconds=60)
        two.rollback()
        one.commit()
        held = SqlLeases(two, clock).get(new.id)
    assert held is not None
    assert held.worker == "one"


def test_a_repeated_point_of_a_curve_replaces_the_first(uow: UnitOfWork, queued: NewStep) -> None:
    uow.steps.add_curve(queued.id, [EpochMetric(1, 10, "loss", "train", 0.5), EpochMetric(2, 20, "loss", "train", 0.4)])
    uow.steps.add_curve(queued.id, [EpochMetric(2, 20, "loss", "train", 0.3), EpochMetric(2, 20, "loss", "test", 0.6)])
    uow.steps.add_curve(queued.id, [])
    found = uow.steps.get(queued.id)
    assert found is not None
    assert [(p.step, p.role, p.value) for p in found.curve] == [
        (10, "train", 0.5),
        (20, "test", 0.6),
        (20, "train", 0.3),
    ]


def test_a_loss_that_diverged_can_be_written_down(uow: UnitOfWork, queued: NewStep) -> None:
    uow.steps.add_curve(
        queued.id, [EpochMetric(1, 1, "loss", "train", math.nan), EpochMetric(2, 2, "loss", "train", math.inf)]
    )
    found = uow.steps.get(queued.id)
    assert found is not None
    assert math.isnan(found.curve[0].value)
    assert found.curve[1].value == math.inf


def test_a_metric_is_kept_for_each_data_split_and_role(uow: UnitOfWork, queued: NewStep) -> None:
    values = [metric(0.9), metric(0.8, data="other"), metric(0.7, split="dev"), metric(0.6, role="validation")]
    uow.steps.add_measured(queued.id, values)
    uow.steps.add_measured(queued.id, [metric(0.95)])
    found = uow.steps.get(queued.id)
    assert found is not None
    assert list(found.measured) == [metric(0.95), *values[1:]]
    assert found.summary.metrics == {"accuracy": 0.95}


def test_a_manifest_is_kept_byte_by_byte(uow: UnitOfWork, queued: NewStep) -> None:
    body = canonical_json({"seed": 7, "started": "2026-11-23T09:30:00Z", "umlaut": "ü"})
    uow.steps.set_manifest(queued.id, body, digest("manifest"))
    found = uow.steps.get(queued.id)
    assert found is not None
    assert found.manifest == json.loads(body)
    assert found.manifest_digest == digest("manifest")


def test_progress_is_seen(uow: UnitOfWork, queued: NewStep) -> None:
    uow.steps.progress(queued.id, epoch=1.25, at=LATER)
    found = uow.steps.get(queued.id)
    assert found is not None
    assert found.summary.epoch == 1.25
    assert found.summary.progress is None
    reported = Progress("train", 30, 60, 480, 960, 96.5, math.inf, 5.0, LATER)
    uow.steps.progress(queued.id, epoch=1.5, at=LATER, progress=reported)
    uow.steps.progress(queued.id, epoch=3, at=LAST)
    summary = uow.steps.summary(queued.id)
    assert summary is not None
    assert (summary.epoch, summary.progress) == (3, reported)
    found = uow.steps.get(queued.id)
    assert found is not None
    assert found.summary == summary
    assert uow.steps.summary("step-none") is None


def test_points_are_numbered_as_they_are_written_and_get_a_new_number_when_written_again(
    uow: UnitOfWork, queued: NewStep
) -> None:
    def point(epoch: int, role: str, value: float = 0.5) -> EpochMetric:
        return EpochMetric(epoch, epoch * 10, "loss", role, value)

    def points(after: int) -> list[tuple[int, int, str]]:
        return [(p.number, p.epoch, p.role) for p in uow.steps.curve(queued.id, after=after)]

    uow.steps.add_curve(queued.id, [point(1, "validation"), point(1, "train")])
    uow.steps.add_curve(queued.id, [point(2, "train")])
    assert points(0) == [(1, 1, "validation"), (2, 1, "train"), (3, 2, "train")]
    assert points(3) == []
    uow.steps.add_curve(queued.id, [point(2, "train", 0.4)])
    assert points(3) == [(4, 2, "train")]
    found = uow.steps.get(queued.id)
    assert found is not None
    assert [(p.epoch, p.role, p.value) for p in found.curve] == [
        (1, "train", 0.5),
        (1, "validation", 0.5),
        (2, "train", 0.4),
    ]


def test_steps_that_are_not_mirrored_yet_are_found_oldest_first(uow: UnitOfWork) -> None:
    steps = [step("vision/digits") for _ in range(4)]
    for new in steps:
        uow.steps.add(new)
    uow.steps.set_mirror(steps[2].id, MirrorState("queued"), at=NOW)
    uow.steps.set_mirror(steps[1].id, MirrorState("failing", attempts=3, error="no answer"), at=NOW)
    uow.steps.set_mirror(steps[0].id, MirrorState("queued"), at=NOW)
    uow.steps.set_mirror(steps[0].id, MirrorState("mirrored", run_id="abc", attempts=1), at=LATER)
    assert uow.steps.unmirrored(10) == [steps[1].id, steps[2].id]
    assert uow.steps.unmirrored(1) == [steps[1].id]
    assert uow.steps.move(steps[1].id, expected=frozenset({StepState.SUCCEEDED}), to=StepState.RUNNING, at=LATER)
    assert uow.steps.unmirrored(1) == [steps[2].id], "a step that goes on keeps no place that others wait for"
    found = uow.steps.get(steps[0].id)
    assert found is not None
    assert found.mirror == MirrorState("mirrored", run_id="abc", attempts=1)


def test_steps_are_searched_newest_first(uow: UnitOfWork, queued: NewStep) -> None:
    other = step("vision/letters", method=Method.FEATURE_EXTRACTION)
    uow.steps.add(other)

    def found(state: StepState | None = None, method: Method | None = None, output: str | None = None) -> list[str]:
        name = None if output is None else Name.parse(output)
        page = uow.steps.search(state=state, method=method, output=name, page=PageRequest())
        return [item.id for item in page.items]

    assert found()[:2] == [other.id, queued.id]
    assert found(state=StepState.QUEUED) == [queued.id]
    assert found(method=Method.FEATURE_EXTRACTION) == [other.id]
    assert found(output="vision/letters") == [other.id]
    first = uow.steps.search(state=None, method=None, output=None, page=PageRequest(3))
    rest = uow.steps.search(state=None, method=None, output=None, page=PageRequest(3, first.next_cursor))
    assert [str(item.output) for item in (*first.items, *rest.items)] == [
        "None",
        "None",
        "datasets:/vision/scans/1",
        "models:/vision/base/1",
    ]


def test_uses_of_a_split_as_test_data_are_counted_by_the_digest_of_the_data(uow: UnitOfWork, queued: NewStep) -> None:
    data = queued.inputs[1]
    found = uow.datasets.version(data.ref)
    assert found is not None
    asked = {"submitted": {"baselines": {"seeds": [7]}}}
    test = replace(data, role="test", split="test")
    for recipe, given in ((asked, test), (asked, test), ({}, test), (asked, replace(test, split="holdout"))):
        uow.steps.add(replace(step("vision/digits"), recipe=recipe, inputs=(given,)))
    failed = replace(step("vision/digits"), recipe=asked, inputs=(test,), state=StepState.FAILED)
    uow.steps.add(failed)
    assert uow.steps.looks_at(found.summary.digest, "test") == 2
    assert uow.steps.looks_at(found.summary.digest, "holdout") == 1
    assert uow.steps.looks_at(digest("other data"), "test") == 0


def test_a_verdict_is_marked_void_beside_the_manifest_that_holds_it(uow: UnitOfWork, queued: NewStep) -> None:
    body = canonical_json({"facts": {"baselines": {"verdict": {}}}})
    asked = replace(step("vision/digits"), recipe={"submitted": {"baselines": {"seeds": [7]}}})
    uow.steps.add(asked)
    assert list(uow.steps.with_verdicts()) == []
    uow.steps.set_manifest(asked.id, body, digest("manifest"))
    uow.steps.set_manifest(queued.id, body, digest("manifest"))
    assert [(one.step_id, one.output, one.void) for one in uow.steps.with_verdicts()] == [(asked.id, None, None)]
    uow.steps.void_verdict(asked.id, "it cannot be checked")
    found = uow.steps.get(asked.id)
    assert found is not None
    assert (found.verdict_void, found.manifest_digest) == ("it cannot be checked", digest("manifest"))
    assert [one.void for one in uow.steps.with_verdicts()] == ["it cannot be checked"]
    assert (uow.steps.void_reason(asked.id), uow.steps.void_reason(queued.id)) == ("it cannot be checked", None)


def test_steps_of_an_engine_wait_while_they_are_queued_or_their_worker_is_gone(
    uow: UnitOfWork, queued: NewStep
) -> None:
    assert uow.leases.waiting("remote") == []
    uow.leases.offer(queued.id, "remote", seconds=60)
    assert (uow.leases.waiting("remote"), uow.leases.waiting("ray")) == ([queued.id], [])
    uow.steps.move(queued.id, expected=QUEUED, to=StepState.RUNNING, at=LATER)
    assert uow.leases.take(queued.id, "one", "host-1", seconds=60)
    assert uow.leases.waiting("remote") == []
    assert uow.leases.renew(queued.id, "one", seconds=RUN_OUT)
    assert uow.leases.waiting("remote") == [queued.id]


def test_what_was_given_out_is_kept_by_reading_until_its_step_is_recorded(uow: UnitOfWork) -> None:
    base, scans = add_version(uow, "vision/start"), add_dataset_version(uow, "vision/photos")
    one, two = digest("one"), digest("two")
    for ref, start, stop in ((base, 5, 9), (base, 0, 5), (scans, 0, 3)):
        uow.steps.add_reading(one, ref, start, stop, at=NOW)
    assert uow.steps.reading(one) == {base: [(0, 5), (5, 9)], scans: [(0, 3)]}
    assert uow.steps.reading(two) == {}
    uow.steps.add_reading(two, base, 0, 9, at=NOW + timedelta(days=31))
    assert uow.steps.reading(one) == {}, "a reading is kept for a month"
    uow.steps.forget_reading(two)
    assert uow.steps.reading(two) == {}
