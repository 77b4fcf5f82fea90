"""A step is one MLflow run, however often it is mirrored, and `mlflow ui` shows it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.mlflow.tracker import MlflowTracker
from registry.domain.transfers.steps import StepState
from registry.errors import AdapterError
from registry.ports.tracking import RunRecord

RECORD = RunRecord(
    step_id="step-01jd0000000000000000000001",
    name="models:/vision/digits/2",
    user="ana",
    state=StepState.SUCCEEDED,
    started_ms=1_764_000_000_000,
    ended_ms=1_764_000_060_000,
    params={"optimizer.lr": "0.001", "epochs": "3", "note": "x" * 7000, "odd*key": "1"},
    tags={"forebear.output": "models:/vision/digits/2"},
    curve=[("train/loss", epoch, 1 / (epoch + 1), 1_764_000_000_000 + epoch) for epoch in range(3)],
)


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database without runs, made once: MLflow takes seconds for its tables."""
    place = tmp_path_factory.mktemp("store") / "mlflow.db"
    open_client(f"sqlite:///{place}")
    return place


@pytest.fixture
def uri(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of the test's own; the test runs in the folder that holds it."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.fixture
def client(uri: str) -> Any:
    return open_client(uri)


def open_client(uri: str) -> Any:
    from mlflow.tracking import MlflowClient

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MlflowClient(tracking_uri=uri, registry_uri=uri)


def runs(client: Any) -> list[Any]:
    experiment = client.get_experiment_by_name("forebear")
    return list(client.search_runs([experiment.experiment_id]))


def test_a_step_is_one_run_with_its_parameters_metrics_and_tags(uri: str, client: Any) -> None:
    run_id = MlflowTracker().mirror(RECORD, uri=uri)
    (run,) = runs(client)
    assert run.info.run_id == run_id
    assert (run.info.run_name, run.info.status) == ("models:/vision/digits/2", "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (RECORD.started_ms, RECORD.ended_ms)
    assert run.data.params["optimizer.lr"] == "0.001"
    assert run.data.params["odd_key"] == "1"
    assert len(run.data.params["note"]) == 6000
    assert run.data.tags["forebear.step_id"] == RECORD.step_id
    assert run.data.tags["mlflow.user"] == "ana"
    history = client.get_metric_history(run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]


def test_mirroring_again_updates_the_same_run(uri: str, client: Any) -> None:
    tracker = MlflowTracker()
    first = tracker.mirror(
        replace(RECORD, state=StepState.FAILED, ended_ms=RECORD.started_ms + 1, curve=RECORD.curve[:2]), uri=uri
    )
    longer = [*RECORD.curve, ("test/accuracy", 3, 0.9, RECORD.started_ms + 9)]
    assert tracker.mirror(replace(RECORD, curve=longer, tags={"forebear.state": "succeeded"}), uri=uri) == first
    (run,) = runs(client)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/accuracy"] == 0.9
    assert run.data.tags["forebear.state"] == "succeeded"
    assert len(client.get_metric_history(first, "train/loss")) == 3


def test_a_running_step_is_a_running_run_of_mlflow(uri: str, client: Any) -> None:
    MlflowTracker().mirror(replace(RECORD, state=StepState.RUNNING, ended_ms=None), uri=uri)
    (run,) = runs(client)
    assert (run.info.status, run.info.end_time) == ("RUNNING", None)


def test_more_than_one_request_holds_is_sent_in_parts(uri: str, client: Any) -> None:
    curve = [("train/loss", step, float(step), RECORD.started_ms + step) for step in range(2100)]
    params = {f"p{number}": str(number) for number in range(250)}
    tags = {f"t{number}": str(number) for number in range(250)}
    run_id = MlflowTracker().mirror(replace(RECORD, curve=curve, params=params, tags=tags), uri=uri)
    (run,) = runs(client)
    assert len(client.get_metric_history(run_id, "train/loss")) == 2100
    assert (run.data.params["p249"], run.data.tags["t249"]) == ("249", "249")


def test_nothing_is_written_into_the_current_directory(uri: str, client: Any, tmp_path: Path) -> None:
    MlflowTracker().mirror(RECORD, uri=uri)
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db"]
    experiment = client.get_experiment_by_name("forebear")
    assert experiment.artifact_location == (tmp_path / "mlflow-artifacts").as_uri()


def test_a_deleted_experiment_says_how_to_bring_it_back(uri: str, client: Any) -> None:
    MlflowTracker().mirror(RECORD, uri=uri)
    client.delete_experiment(client.get_experiment_by_name("forebear").experiment_id)
    with pytest.raises(AdapterError, match="mlflow experiments restore -x"):
        MlflowTracker().mirror(RECORD, uri=uri)


def test_a_store_that_cannot_be_opened_fails_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(AdapterError, match=r"^MLflow at sqlite:////.*mlflow\.db says: .*"):
        MlflowTracker().mirror(RECORD, uri=f"sqlite:///{tmp_path}/file/mlflow.db")


def test_a_password_in_the_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(AdapterError) as caught:
        MlflowTracker().mirror(RECORD, uri=f"http://ann:s3cret@127.0.0.1:{free_port()}")
    assert "s3cret" not in str(caught.value)
    assert "MLflow at http://127.0.0.1" in str(caught.value)


@pytest.mark.slow
def test_mirroring_prints_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from adapters.mlflow.tracker import MlflowTracker; "
        "from tests.adapters.mlflow.test_tracker import RECORD; MlflowTracker().mirror(RECORD, uri=sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code, f"sqlite:///{tmp_path / 'mlflow.db'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "Warning" not in done.stderr
    assert "INFO" not in done.stderr


def test_mirroring_sends_no_usage_statistics_of_mlflow() -> None:
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.slow
def test_mlflow_ui_shows_the_run(uri: str, tmp_path: Path) -> None:
    run_id = MlflowTracker().mirror(RECORD, uri=uri)
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    with (tmp_path / "ui.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port), "--workers", "1"], stdout=log, stderr=log, start_new_session=True
        )
    try:
        answer = patiently(f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/get?run_id={run_id}")
        assert answer["run"]["info"]["run_name"] == "models:/vision/digits/2"
        tags = {tag["key"]: tag["value"] for tag in answer["run"]["data"]["tags"]}
        assert tags["forebear.step_id"] == RECORD.step_id
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def patiently(url: str) -> Any:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            assert time.monotonic() < deadline, "the server did not answer within two minutes"
            time.sleep(0.5)
