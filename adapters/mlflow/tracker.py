"""Mirrors a transfer step as one MLflow run in the experiment `forebear`, found again by its tag `forebear.step_id`.

Mirroring twice gives one run: parameters are those of the recipe and never change, metrics are keyed by (name, step,
timestamp, value), tags are overwritten. Numbers per request are MLflow's own limits.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

from adapters.mlflow.failures import declared
from registry.domain.transfers.steps import StepState
from registry.errors import AdapterError
from registry.ports.tracking import RunRecord

# A mirror that fails is tried again by the next step: MLflow's own patience (7 tries, 2 minutes each) would be ours.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # MLflow uses deprecated parts of SQLAlchemy and Pydantic
    from mlflow.entities import Metric, Param, RunTag, ViewType
    from mlflow.tracking import MlflowClient

logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # or it logs every table that it creates

EXPERIMENT = "forebear"
STATUS = {StepState.SUCCEEDED: "FINISHED", StepState.FAILED: "FAILED", StepState.CANCELLED: "KILLED"}
"""What MLflow calls the end of a run."""
STEP_TAG = "forebear.step_id"
_METRICS, _PARAMS, _TAGS = 1000, 100, 100
_LONGEST_NAME, _LONGEST_PARAM, _LONGEST_TAG = 250, 6000, 5000
_ODD = re.compile(r"[^A-Za-z0-9_\-./: ]")
T = TypeVar("T")


class MlflowTracker:
    """Writes runs through `MlflowClient`, into any store that MLflow reaches by a tracking URI."""

    name = "mlflow"

    def mirror(self, record: RunRecord, *, uri: str) -> str:
        """Write `record` as one run and give its MLflow id. Raises: AdapterError with what MLflow reason."""
        with declared(uri):
            client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            experiment = _experiment(client, uri)
            run_id = _run_of(client, experiment, record)
            _write(client, run_id, record)
            if record.ended_ms is not None:
                client.set_terminated(run_id, status=STATUS[record.state], end_time=record.ended_ms)
            else:
                client.update_run(run_id, status=STATUS.get(record.state, "RUNNING"))
            return run_id


def _experiment(client: MlflowClient, uri: str) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        return str(client.create_experiment(EXPERIMENT, artifact_location=_artifacts(uri)))
    if found.lifecycle_stage != "active":
        raise AdapterError(
            f"The MLflow experiment {EXPERIMENT!r} was deleted",
            remedy=f"Run: mlflow experiments restore -x {found.experiment_id}",
        )
    return str(found.experiment_id)


def _artifacts(uri: str) -> str | None:
    """For a SQLite file a folder beside it (MLflow would take `mlruns` of whatever folder it is run in)."""
    if not uri.startswith("sqlite:///"):
        return None
    return (Path(uri.removeprefix("sqlite:///").partition("?")[0]).absolute().parent / "mlflow-artifacts").as_uri()


def _run_of(client: MlflowClient, experiment: str, record: RunRecord) -> str:
    found = client.search_runs(
        [experiment],
        filter_string=f"tags.`{STEP_TAG}` = '{record.step_id}'",
        run_view_type=ViewType.ALL,
        max_results=1,
    )
    if found:
        return str(found[0].info.run_id)
    tags = {STEP_TAG: record.step_id}
    created = client.create_run(experiment, start_time=record.started_ms, tags=tags, run_name=record.name)
    return str(created.info.run_id)


def _write(client: MlflowClient, run_id: str, record: RunRecord) -> None:
    known = client.get_run(run_id).data.params
    params = [Param(key, value) for key, value in _clean(record.params, _LONGEST_PARAM) if key not in known]
    tags = {**record.tags, STEP_TAG: record.step_id, "mlflow.runName": record.name, "mlflow.user": record.user}
    metrics = [Metric(_name(name), value, moment, step) for name, step, value, moment in record.curve]
    for some_params in _batches(params, _PARAMS):
        client.log_batch(run_id, params=some_params)
    for some_tags in _batches([RunTag(key, value) for key, value in _clean(tags, _LONGEST_TAG)], _TAGS):
        client.log_batch(run_id, tags=some_tags)
    for some_metrics in _batches(metrics, _METRICS):
        client.log_batch(run_id, metrics=some_metrics)


def _clean(values: Mapping[str, str], longest: int) -> Iterator[tuple[str, str]]:
    return ((_name(key), value[:longest]) for key, value in values.items())


def _name(text: str) -> str:
    """A name that MLflow takes: what it does not allow becomes `_`."""
    return _ODD.sub("_", text)[:_LONGEST_NAME]


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
