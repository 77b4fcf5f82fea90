"""What a version forgot is measured on the test data of the models above it, by its head or by a probe."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.audit import Event
from registry.domain.comparison.forgetting import Forgotten, Way, body_of, sets_of
from registry.domain.comparison.verdict import Interval
from registry.domain.names import Name
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.data import AddDataset
from registry.errors import BadDataError, InvalidError, NotFoundError
from registry.ports.transfers import TransferJob
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.governance.dossier import open_dossier
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.fakes.predicting import PredictingAdapter
from tests.registry.services.reviews import open_with_reviews

PARENT = """\
schema: forebear/recipe/v1
output: text/reviews
method: fine_tuning
source: models:/library/bert
data: {train: {dataset: datasets:/data/reviews}, test: {dataset: datasets:/data/reviews, split: test}}
seed: 7
"""
CHILD = PARENT.replace("text/reviews", "text/films").replace("models:/library/bert", "models:/text/reviews")
CHILD = CHILD.replace("data/reviews", "data/films")
FILMS = "text,label\n" + "".join(f"film {n},{'good' if n % 2 else 'bad'}\n" for n in range(300))


@pytest.fixture
def adapter() -> PredictingAdapter:
    return PredictingAdapter()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, adapter: PredictingAdapter) -> Context:
    """A home with a source model and three hundred reviews; steps run at once."""
    plugins = FakePlugins(fake_adapter=adapter, fake_engine=FakeEngine())
    context = open_with_reviews(open_uow, clock, tmp_path, plugins, table=FILMS.replace("film", "review"))
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    return context


@pytest.fixture
def child(context: Context, tmp_path: Path, adapter: PredictingAdapter) -> str:
    """The step of a model of films that was made from one of reviews, which measured 0.5 on its test data."""
    file = draw(tmp_path / "films", {"films.csv": FILMS}) / "films.csv"
    Datasets(context).add(AddDataset(Name("data", "films"), str(file), licence="cc0-1.0"))
    Transfers(context).submit(PARENT)
    step = Transfers(context).submit(CHILD).summary.id
    adapter.jobs.clear()
    return step


def refuse_other_labels(job: TransferJob) -> None:
    """The head of the films answers nothing about reviews."""
    if job.recipe.epochs == 0 and job.sources[0].label == "text/films/1":
        raise BadDataError("The test data has the label 'bad', which is not a class of text/films/1")


def facts(context: Context, step: str) -> dict[str, object]:
    ref = Transfers(context).step(step).summary.output
    assert ref is not None
    with context.read() as uow:
        return dict(open_dossier(uow, ref, requested_by=None).candidate.forgetting)


def measured(context: Context, step: str) -> Forgotten:
    (one,) = Transfers(context).measure_forgetting(step).sets
    assert Transfers(context).forgetting(step).sets == (one,)
    return one


def test_a_version_answers_with_its_own_head_where_that_knows_the_labels(
    context: Context, adapter: PredictingAdapter, child: str
) -> None:
    assert facts(context, child) == {"sets": 1.0, "unmeasured": 1.0}
    adapter.shares[Method.FINE_TUNING] = 0.6
    one = measured(context, child)
    assert (one.parent, one.data_label, one.split, one.way) == (
        "models:/text/reviews/1", "data/reviews/1", "test", Way.HEAD,
    )  # fmt: skip
    assert one.metric == "accuracy"
    assert [one.before, one.after] == pytest.approx([0.9, 0.6])
    assert one.lost is not None
    assert one.lost.value == pytest.approx(0.3)
    assert 0.1 < one.lost.low < one.lost.value < one.lost.high < 0.5
    (job,) = adapter.jobs  # the model above kept its answers
    assert (job.recipe.epochs, job.sources[0].label, set(job.data)) == (0, "text/films/1", {"train", "test"})
    assert facts(context, child) == {
        "sets": 1.0, "unmeasured": 0.0, "worst": one.lost.value, "worst_high": one.lost.high,
        "on": "data/reviews/1 test", "by_probe": 0.0,
    }  # fmt: skip
    assert not list((context.home / "work").glob("forgetting-*")), "no file is left behind"


def test_a_version_with_another_head_is_probed_beside_the_model_above_on_what_that_learnt_from(
    context: Context, adapter: PredictingAdapter, child: str
) -> None:
    adapter.before = refuse_other_labels
    one = measured(context, child)
    assert one.way is Way.PROBE
    assert one.reason == "The test data has the label 'bad', which is not a class of text/films/1"
    probes = [job for job in adapter.jobs if job.recipe.method is Method.FEATURE_EXTRACTION]
    assert [job.sources[0].label for job in probes] == ["text/films/1", "text/reviews/1"]
    assert {job.data["train"].split for job in probes} == {"train"}
    assert {job.recipe.head.kind for job in probes} == {"logistic"}
    assert facts(context, child)["by_probe"] == 1


def test_a_measurement_is_one_entry_of_the_log_and_the_same_one_again_is_none(context: Context, child: str) -> None:
    def entries() -> int:
        with context.read() as uow:
            return sum(b"evidence.added" in one.body for one in uow.audit.entries())

    first = Transfers(context).measure_forgetting(child)
    assert entries() == 1
    assert Transfers(context).measure_forgetting(child) == first
    assert entries() == 1


def test_what_cannot_be_measured_says_why_and_stays_unmeasured(
    context: Context, adapter: PredictingAdapter, child: str
) -> None:
    def refuse(job: TransferJob) -> None:
        raise BadDataError("cannot be read" if job.recipe.epochs == 0 else "has no features")

    adapter.before = refuse
    one = measured(context, child)
    assert (one.lost, one.reason) == (None, "cannot be read; by a probe: has no features")
    assert facts(context, child)["unmeasured"] == 1
    adapter.before = lambda job: None
    assert measured(context, child).lost is not None
    adapter.before = refuse
    assert measured(context, child).lost is not None, "what was measured of these bytes stays measured"


def test_evidence_of_that_type_which_a_person_wrote_is_no_measurement(context: Context, child: str) -> None:
    Transfers(context).measure_forgetting(child)
    ref = Transfers(context).step(child).summary.output
    assert ref is not None
    with context.write() as uow:
        (own,) = uow.governance.evidence(ref)
        good = replace(sets_of(own.body)[0], lost=Interval(-1.0, -1.0, -1.0))
        uow.governance.add_evidence(
            replace(own, id="ev-01kaq000000000000000000000", added_by="ana", body=body_of([good]))
        )
        uow.commit(Event("evidence.added", str(ref), {}))
    assert facts(context, child)["worst"] == 0
    assert Transfers(context).forgetting(child).sets == sets_of(own.body)


def test_where_nothing_was_tested_above_and_where_no_model_was_made_the_measurement_is_refused(
    context: Context,
) -> None:
    step = Transfers(context).submit(PARENT).summary.id
    with pytest.raises(InvalidError, match="there is nothing to have forgotten"):
        Transfers(context).measure_forgetting(step)
    assert Transfers(context).forgetting(step).sets == ()
    with pytest.raises(NotFoundError):
        Transfers(context).forgetting("step-01kaq000000000000000000000")
