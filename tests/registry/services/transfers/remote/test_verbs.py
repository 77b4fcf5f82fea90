"""A worker reports only on the step that it holds, and stops when that was cancelled or an input taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import Reference
from registry.domain.transfers.steps import EpochMetric, StepState
from registry.domain.transfers.work import WorkReport
from registry.errors import (
    NotFoundError,
    PermissionDeniedError,
    RecalledError,
    StepStateError,
    UsageError,
    WithheldError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.transfers.remote.verbs import Work
from registry.services.transfers.verbs import Transfers
from tests.registry.services.reviews import RECIPE
from tests.registry.services.transfers.remote.conftest import ABLE

Opened = Callable[[str], Work]
REPORT = WorkReport(1.0, points=(EpochMetric(1, 2, "loss", "train", 0.5),))


@pytest.fixture
def held(waiting: str, work: Opened) -> tuple[str, str]:
    """The step and the key of its worker."""
    given = work("box").take(ABLE)
    assert given is not None
    return waiting, given.worker


def test_what_a_worker_reports_is_seen(context: Context, work: Opened, held: tuple[str, str]) -> None:
    work("box").report(*held, REPORT)
    assert Transfers(context).step(held[0]).curve == REPORT.points


def test_the_key_is_good_for_its_own_account_and_step_alone(work: Opened, held: tuple[str, str]) -> None:
    step_id, key = held
    for other, step, secret in (
        ("other", step_id, key),
        ("box", step_id, "0" * 32),
    ):
        with pytest.raises(StepStateError):
            work(other).report(step, secret, REPORT)
        with pytest.raises(StepStateError):
            work(other).rows(step, secret, "train")
        with pytest.raises(StepStateError):
            work(other).give_up(step, secret, "mine")
    with pytest.raises(NotFoundError):
        work("box").report("step-01kaq000000000000000000000", key, REPORT)


def test_only_a_service_account_runs_steps(context: Context, waiting: str) -> None:
    with pytest.raises(PermissionDeniedError, match="Only a service account"):
        Work(context).take(ABLE)
    robot = replace(context.actor, handle="robot", service=True, roles=frozenset({"viewer"}))
    with pytest.raises(PermissionDeniedError, match="it needs the permission edit"):
        Work(replace(context, actor=robot)).take(ABLE)


def test_a_cancelled_step_is_refused_to_its_worker(context: Context, work: Opened, held: tuple[str, str]) -> None:
    Transfers(context).cancel(held[0])
    with pytest.raises(StepStateError, match="was cancelled"):
        work("box").report(*held, REPORT)


def test_a_report_is_refused_once_an_input_was_recalled(context: Context, work: Opened, held: tuple[str, str]) -> None:
    Catalog(context).set_status(Reference.parse("models:/library/bert/1"), Status.RECALLED, "poisoned")
    with pytest.raises(RecalledError):
        work("box").report(*held, REPORT)
    step = work("box").give_up(*held, "[recalled] models:/library/bert/1 is recalled")
    assert step.summary.state is StepState.FAILED
    assert step.summary.error is not None
    assert step.curve == ()


def test_the_rows_of_data_that_were_taken_back_are_not_given_to_a_worker(
    context: Context, work: Opened, held: tuple[str, str]
) -> None:
    (data,) = {one.ref for one in Transfers(context).step(held[0]).inputs if one.role == "train"}
    assert work("box").rows(*held, "train")
    Catalog(context).set_status(Reference.to(data), Status.SUSPENDED, "under inquiry")
    with pytest.raises(WithheldError):
        work("box").rows(*held, "train")


def test_what_a_remote_worker_does_not_do_is_refused_when_it_is_submitted(context: Context) -> None:
    with pytest.raises(UsageError, match="does not run steps with baselines"):
        Transfers(context).submit(RECIPE, engine="remote", baselines=True)
    with pytest.raises(UsageError, match="does not run steps with auto-batch"):
        Transfers(context).submit(RECIPE, engine="remote", auto_batch=True)
