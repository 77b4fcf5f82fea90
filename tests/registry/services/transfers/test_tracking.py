"""Mirrors of steps: queued with the step, sent once it has ended, tried again when the tracker was down."""

from __future__ import annotations

import fcntl
import threading
import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from adapters.mlflow.tracker import MlflowTracker
from registry.domain.audit import Event
from registry.domain.transfers.steps import EpochMetric, MirrorState, StepDetail, StepState
from registry.errors import AdapterError
from registry.ports.tracking import RunRecord
from registry.services.context import Context
from registry.services.storage.transfers import NewStep
from registry.services.transfers import tracking
from registry.services.transfers.tracking import Tracking, record_of
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import add_dataset_version, add_version, metric, step, step_input
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine
from tests.registry.services.registries import open_context


class Notebook:
    """A run tracker that writes down what it is given; `down` names the steps that it fails on."""

    name = "mlflow"

    def __init__(self) -> None:
        self.runs: dict[str, RunRecord] = {}
        self.uris: list[str] = []
        self.down: set[str] = set()

    def mirror(self, record: RunRecord, *, uri: str) -> str:
        self.uris.append(uri)
        if record.step_id in self.down:
            raise AdapterError("MLflow does not answer", remedy="Start it")
        self.runs[record.step_id] = record
        return f"run of {record.step_id}"


class Desk:
    """Plug-ins with one tracker, idle engines and nothing else."""

    def __init__(self, tracker: Notebook | MlflowTracker) -> None:
        self._tracker = tracker

    def tracker(self, name: str) -> Notebook | MlflowTracker:
        assert name == "mlflow"
        return self._tracker

    def engine(self, name: str) -> FakeEngine:
        return FakeEngine(name)


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def open_for(
    tracker: Notebook | MlflowTracker,
    open_uow: SqlUnitOfWorkFactory,
    clock: FakeClock,
    home: Path,
    uri: str | None = None,
) -> Context:
    return open_context(open_uow, clock, home, plugins=cast("Any", Desk(tracker)), mlflow_uri=uri)


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, notebook: Notebook) -> Context:
    return open_for(notebook, open_uow, clock, tmp_path / "home")


def add_step(context: Context, **said: Any) -> NewStep:
    """A queued mirror of a step of the given state."""
    new = step("vision/digits", at=context.clock.now(), **said)
    with context.write() as uow:
        uow.steps.add(new)
        Tracking(context).queue(uow, new.id)
        uow.commit(Event("transfer.submitted", new.id))
    return new


def mirror_of(context: Context, new: NewStep) -> MirrorState:
    return detail_of(context, new).mirror


def detail_of(context: Context, new: NewStep) -> StepDetail:
    with context.read() as uow:
        found = uow.steps.get(new.id)
    assert found is not None
    return found


def test_an_ended_step_is_sent_once(context: Context, notebook: Notebook) -> None:
    new = add_step(context, state=StepState.SUCCEEDED)
    assert mirror_of(context, new) == MirrorState("queued")
    assert Tracking(context).flush() == 1
    assert mirror_of(context, new) == MirrorState("mirrored", f"run of {new.id}", 1)
    assert Tracking(context).flush() == 0
    assert notebook.uris == [f"sqlite:///{context.home}/mlflow.db"]


def test_a_step_that_goes_on_stays_queued(context: Context, notebook: Notebook) -> None:
    new = add_step(context, state=StepState.RUNNING)
    assert Tracking(context).flush() == 0
    assert mirror_of(context, new).state == "queued"
    assert not notebook.runs


@pytest.mark.parametrize("state", [StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELLED])
def test_the_run_of_the_tracker_gets_the_state_in_which_the_step_ended(
    state: StepState, context: Context, notebook: Notebook
) -> None:
    new = add_step(context, state=state)
    Tracking(context).flush()
    assert notebook.runs[new.id].state is state


def test_a_tracker_that_is_down_is_told_with_its_sentence_and_tried_again(context: Context, notebook: Notebook) -> None:
    bad, good = add_step(context), add_step(context)
    notebook.down = {bad.id}
    assert Tracking(context).flush() == 1
    assert mirror_of(context, bad) == MirrorState("failing", None, 1, "MLflow does not answer. Start it")
    assert mirror_of(context, good).state == "mirrored"
    assert Tracking(context).flush() == 0
    assert mirror_of(context, bad).attempts == 2
    notebook.down.clear()
    assert Tracking(context).flush() == 1
    assert mirror_of(context, bad) == MirrorState("mirrored", f"run of {bad.id}", 3)


@pytest.mark.parametrize("verb", ["resume", "cancel"])
def test_a_step_that_is_resumed_or_cancelled_is_sent_again(verb: str, context: Context, notebook: Notebook) -> None:
    new = add_step(context, state=StepState.FAILED)
    Tracking(context).flush()
    getattr(Transfers(context), verb)(new.id)
    assert mirror_of(context, new).state == "queued"
    with context.write() as uow:
        queued = frozenset({StepState.QUEUED})
        uow.steps.move(new.id, expected=queued, to=StepState.SUCCEEDED, at=context.clock.now())
        uow.commit(Event("transfer.succeeded", new.id))
    assert Tracking(context).flush() == 1
    assert notebook.runs[new.id].state is {"resume": StepState.SUCCEEDED, "cancel": StepState.CANCELLED}[verb]


@pytest.mark.parametrize("word", ["off", "OFF", " off "])
def test_mirroring_can_be_off(
    word: str, open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, notebook: Notebook
) -> None:
    context = open_for(notebook, open_uow, clock, tmp_path / "home", word)
    new = add_step(context)
    assert Tracking(context).flush() == 0
    assert mirror_of(context, new) == MirrorState("off")
    assert not notebook.uris


def test_a_tracking_uri_of_any_scheme_works(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, notebook: Notebook
) -> None:
    context = open_for(notebook, open_uow, clock, tmp_path / "home", "http://127.0.0.1:5000")
    add_step(context)
    Tracking(context).flush()
    assert notebook.uris == ["http://127.0.0.1:5000"]


def test_two_flushes_do_not_run_at_once(context: Context, notebook: Notebook) -> None:
    new = add_step(context)
    with (context.home / "mirror.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        flusher = threading.Thread(target=Tracking(context).flush)
        flusher.start()
        flusher.join(timeout=0.5)
        assert flusher.is_alive()
        assert not notebook.runs
        fcntl.flock(lock, fcntl.LOCK_UN)
        flusher.join(timeout=10)
    assert mirror_of(context, new).attempts == 1


def test_a_flush_that_hangs_delays_others_for_a_minute_at_most(
    context: Context, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "_LOCK_SECONDS", 0.2)
    add_step(context)
    with (context.home / "mirror.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert Tracking(context).flush() == 0
    assert not notebook.runs


def test_a_run_shows_what_the_step_was_and_did(context: Context) -> None:
    with context.write() as uow:
        model, other = add_version(uow, "vision/lite"), add_version(uow, "vision/other")
        data = add_dataset_version(uow, "data/mnist")
        uow.commit(Event("model_version.imported", str(model)))
    train = step_input(data, role="train", split="train")
    new = add_step(
        context, inputs=[step_input(model, role="source"), step_input(other, role="source"), train], epochs=2
    )
    with context.write() as uow:
        uow.steps.add_curve(
            new.id, [EpochMetric(1, 10, "loss", "train", 0.5), EpochMetric(2, 20, "loss", "train", 0.25)]
        )
        uow.steps.add_measured(new.id, [metric(0.9)])
        uow.commit_unaudited()
    recipe: Mapping[str, object] = {
        "optimizer": {"lr": 0.1, "clip": None},
        "sources": [{"model": str(model)}],
        "submitted": {"text": "secret of the shell"},
        "description": "",
    }
    detail = replace(detail_of(context, new), recipe=recipe)
    detail = replace(detail, summary=replace(detail.summary, started_at=context.clock.now() + timedelta(seconds=2)))
    given = {str(item.ref): item.digest for item in detail.inputs}
    record = record_of(detail)
    start = record.started_ms
    assert start == int(context.clock.now().timestamp() * 1000) + 2000
    assert record.params == {"optimizer.lr": "0.1", "sources.0.model": "models:/vision/lite/1"}
    assert record.curve == [
        ("train/loss", 1, 0.5, start + 10),
        ("train/loss", 2, 0.25, start + 20),
        ("test/accuracy", 2, 0.9, start + 21),
    ]
    assert record.tags["forebear.step_id"] == new.id
    assert record.tags["forebear.model.source"] == f"{model} {given[str(model)]}"
    assert record.tags["forebear.model.source.1"].startswith("models:/vision/other/1 ")
    assert record.tags["forebear.data.train"] == f"{data}#train {given[str(data)]}"
    assert record.user == "ana"
    assert "forebear.error" not in record.tags
    assert record_of(detail) == record


def test_mlflow_itself_shows_the_run_of_the_registry_folder(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    context = open_for(MlflowTracker(), open_uow, clock, tmp_path / "home")
    new = add_step(context, state=StepState.FAILED)
    assert Tracking(context).flush() == 1
    from mlflow.tracking import MlflowClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        uri = f"sqlite:///{tmp_path / 'home/mlflow.db'}"
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        run = client.get_run(mirror_of(context, new).run_id)
    assert run.data.tags["forebear.step_id"] == new.id
    assert run.info.status == "FAILED"
