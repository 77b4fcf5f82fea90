"""Copies to MLflow by a process beside the workers: one for many steps, and never none."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import Timeout

from registry import bootstrap, mirror
from registry.domain.audit import Event
from registry.domain.transfers.steps import MirrorState, StepState
from registry.services.transfers.tracking import Tracking
from registry.settings import Settings
from tests.builders import step

pytestmark = pytest.mark.journey

PLAIN = Settings()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FOREBEAR_MLFLOW_URI", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    bootstrap.init(tmp_path / "home", settings=PLAIN, actor="ana")
    return tmp_path / "home"


def add_step(home: Path) -> str:
    new = step("text/reviews", state=StepState.SUCCEEDED)
    with bootstrap.open(home, settings=PLAIN, actor="ana") as registry, registry.context.write() as uow:
        uow.steps.add(new)
        Tracking(registry.context).queue(uow, new.id)
        uow.commit(Event("transfer.submitted", new.id))
    return new.id


def mirror_of(home: Path, step_id: str) -> MirrorState:
    with bootstrap.open(home, settings=PLAIN, actor="ana") as registry:
        return registry.transfers.step(step_id).mirror


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "waited a minute"
        time.sleep(0.1)


def test_one_process_copies_the_steps_that_end_while_it_waits(home: Path) -> None:
    uri = f"sqlite:///{home.resolve()}/mlflow.db"
    first = add_step(home)
    process = mirror.ask(home.resolve(), uri, 4)
    assert process is not None
    until(lambda: mirror_of(home, first).state == "mirrored")
    second = add_step(home)
    assert mirror.ask(home.resolve(), uri, 4) is None, "the same process is asked again"
    until(lambda: mirror_of(home, second).state == "mirrored")
    assert process.wait(60) == 0
    assert mirror.Requests.of(home.resolve(), uri).ask() is True, "a process that has ended is not waited for"


def test_a_process_ends_when_the_registry_folder_is_removed(home: Path) -> None:
    uri = f"sqlite:///{home.resolve()}/mlflow.db"
    process = mirror.ask(home.resolve(), uri, 600)
    assert process is not None
    until(lambda: is_answered(home, uri))
    home.rename(home.with_name("elsewhere"))  # at once: `rmtree` and a database that closes remove the same files
    assert process.wait(60) == 0


def is_answered(home: Path, uri: str) -> bool:
    """Whether a process holds the lock."""
    try:
        with mirror.Requests.of(home.resolve(), uri).lock:
            return False
    except Timeout:
        return True


def test_where_copies_are_off_no_process_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_MLFLOW_URI", "off")
    assert mirror.main(["--home", str(home), "--seconds", "600"]) == 0
    assert not (home / "mirrors").exists()


def test_each_tracking_uri_has_a_process_of_its_own(tmp_path: Path) -> None:
    one, other = mirror.Requests.of(tmp_path, "http://a"), mirror.Requests.of(tmp_path, "http://b")
    assert one.ask()
    with one.lock:
        assert not one.ask()
        assert other.ask()
        assert not mirror.Requests.of(tmp_path, "http://a").ask()
    assert one.ask()
