"""What names a model of a tracking server, and what of the server's answers is believed."""

from __future__ import annotations

from typing import Any

import pytest

from registry.domain.governance.tracking import (
    LONGEST,
    MOST_FACTS,
    Artifact,
    TrackedSource,
    read_folder,
    read_model,
    read_run,
)
from registry.errors import InvalidError
from tests.tracking_servers import MODEL, OF_MODEL, OF_RUN, RUN

URL = "https://track.example"
PLACE = "track.example"
OURS = f"{URL}/api/2.0/mlflow-artifacts/artifacts"


@pytest.mark.parametrize(
    "text",
    [
        f"mlflow:{PLACE}/runs/{RUN}/model",
        f"mlflow:{PLACE}:5000/runs/{RUN}/a/b",
        f"mlflow:{PLACE}/runs/{RUN}",
        f"mlflow:{PLACE}/models/{MODEL}",
        f"mlflow:[::1]:5000/runs/{RUN}/models/{MODEL}",
    ],
)
def test_a_source_is_written_as_it_was_read(text: str) -> None:
    assert str(TrackedSource.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "mlflow:",
        f"mlflow:{PLACE}",
        f"mlflow:/runs/{RUN}/model",
        f"mlflow:u@{PLACE}/runs/{RUN}/model",
        f"mlflow://{PLACE}/runs/{RUN}/model",
        f"mlflow:{PLACE}/runs/../model",
        f"mlflow:{PLACE}/runs/{RUN}/../../other",
        f"mlflow:{PLACE}/runs/{RUN}//model",
        f"mlflow:{PLACE}/runs/{RUN}/model?x=1#y\n",
        f"mlflow:{PLACE}/models/m-..",
        f"mlflow:{PLACE}/experiments/1",
    ],
)
def test_what_names_nothing_of_a_server_or_leaves_the_run_is_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        TrackedSource.parse(text)


@pytest.mark.parametrize(
    ("uri", "run", "source"),
    [
        (f"models:/{MODEL}", "", f"models/{MODEL}"),
        (f"models:/{MODEL}", RUN, f"runs/{RUN}/models/{MODEL}"),
        (f"runs:/{RUN}/model", "", f"runs/{RUN}/model"),
        (f"mlflow-artifacts:/{OF_RUN}/model", RUN, f"runs/{RUN}/model"),
        (f"mlflow-artifacts://{PLACE}/deep/er/{OF_RUN}/a/b", "", f"runs/{RUN}/a/b"),
        (f"mlflow-artifacts:/{OF_MODEL}", RUN, f"runs/{RUN}/models/{MODEL}"),
        (f"{OURS}/{OF_RUN}/my%20model", "", f"runs/{RUN}/my model"),
        (f"{OURS}/{OF_MODEL}", "", f"models/{MODEL}"),
    ],
)
def test_what_stock_clients_send_as_a_source_is_understood(uri: str, run: str, source: str) -> None:
    assert str(TrackedSource.named(uri, PLACE, run)) == f"mlflow:{PLACE}/{source}"


@pytest.mark.parametrize(
    "uri",
    [
        f"s3://bucket/{OF_RUN}/model",
        f"/srv/mlruns/{OF_RUN}/model",
        f"file:///srv/{OF_RUN}/model",
        f"{URL}/elsewhere/{OF_RUN}/model",
        "mlflow-artifacts:/uploads/mine",
        "models:/team.name/3",
        "runs:/",
    ],
)
def test_what_is_not_of_a_tracking_server_is_not_taken_for_it(uri: str) -> None:
    assert TrackedSource.named(uri, PLACE, "") is None


@pytest.mark.parametrize("uri", [f"runs:/{RUN}/model", f"mlflow-artifacts:/{OF_RUN}/model"])
def test_what_names_its_run_is_of_that_one_whatever_run_the_client_names(uri: str) -> None:
    found = TrackedSource.named(uri, PLACE, "0" * 32)
    assert found is not None
    assert found.run == RUN


def test_an_address_that_climbs_out_of_the_run_is_refused() -> None:
    with pytest.raises(InvalidError):
        TrackedSource.named(f"{OURS}/{OF_RUN}/%2e%2e/other", PLACE, "")


def run(**info: Any) -> dict[str, Any]:
    return {"run": {"info": {"run_id": RUN, "artifact_uri": f"mlflow-artifacts:/{OF_RUN}"} | info}}


OF_THE_RUN = TrackedSource(PLACE, RUN, "model")
OF_THE_MODEL = TrackedSource(PLACE, RUN, model=MODEL)


@pytest.mark.parametrize(
    "uri",
    [f"mlflow-artifacts:/{OF_RUN}", f"mlflow-artifacts://{PLACE}/{OF_RUN}", f"{OURS}/{OF_RUN}"],
)
def test_the_artifacts_of_a_run_are_where_its_server_says(uri: str) -> None:
    assert read_run(OF_THE_RUN, run(artifact_uri=uri), URL).root == OF_RUN


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "s3://bucket/1",
        "file:///srv/mlruns",
        "dbfs:/x",
        f"mlflow-artifacts://evil.example/{OF_RUN}",
        f"http://track.example/api/2.0/mlflow-artifacts/artifacts/{OF_RUN}",
        f"https://evil.example/api/2.0/mlflow-artifacts/artifacts/{OF_RUN}",
        f"{URL}/{OF_RUN}",
        "mlflow-artifacts:/../../etc",
        "mlflow-artifacts:/a/%2e%2e/b",
        "mlflow-artifacts:/",
    ],
)
def test_artifacts_that_the_server_does_not_give_out_itself_are_refused(uri: str | None) -> None:
    with pytest.raises(InvalidError):
        read_run(OF_THE_RUN, run(artifact_uri=uri), URL)


@pytest.mark.parametrize("answer", [None, [], {}, {"run": 3}, run(run_id="0" * 32)])
def test_an_answer_about_another_run_is_refused(answer: object) -> None:
    with pytest.raises(InvalidError, match="about another, or about none"):
        read_run(OF_THE_RUN, answer, URL)


def test_parameters_and_metrics_are_kept_as_far_as_they_are_texts_and_numbers() -> None:
    answer = run()
    answer["run"]["data"] = {
        "params": [{"key": "lr", "value": "x" * 9999}, {"key": 3, "value": "3"}, {"key": "n", "value": 3}, "x"],
        "metrics": [
            {"key": "a", "value": 1},
            {"key": "b", "value": float("nan")},
            {"key": "c", "value": 10**400},
            {"key": "d", "value": True},
            *({"key": f"m{n}", "value": n} for n in range(9999)),
        ],
    }
    found = read_run(OF_THE_RUN, answer, URL)
    assert found.parameters == {"lr": "x" * LONGEST}
    assert found.metrics["a"] == 1.0
    assert {"b", "c", "d"}.isdisjoint(found.metrics)
    assert len(found.metrics) == MOST_FACTS - 3


def model(**info: Any) -> dict[str, Any]:
    known = {"model_id": MODEL, "name": "model", "source_run_id": RUN, "artifact_uri": f"mlflow-artifacts:/{OF_MODEL}"}
    return {"model": {"info": known | info}}


def test_a_logged_model_says_its_run() -> None:
    found = read_model(TrackedSource(PLACE, model=MODEL), model(), URL)
    assert (found.run, found.model, found.name, found.root) == (RUN, MODEL, "model", OF_MODEL)
    assert found.facts(URL, OF_MODEL) == {"server": URL, "path": OF_MODEL, "run": RUN, "model": MODEL}
    assert read_model(TrackedSource(PLACE, model=MODEL), model(source_run_id=None), URL).run == ""


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"model_id": "m-0"}, "about another model"),
        ({"status": "LOGGED_MODEL_PENDING"}, "not ready"),
        ({"source_run_id": "0" * 32}, f"not by {RUN}"),
        ({"source_run_id": ""}, "by no run"),
        ({"source_run_id": ["x"]}, "names no run"),
        ({"artifact_uri": "s3://bucket/1"}, "does not give these artifacts out itself"),
    ],
)
def test_a_logged_model_that_is_not_the_one_that_was_named_is_refused(said: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidError, match=match):
        read_model(OF_THE_MODEL, model(**said), URL)


def test_a_list_of_artifacts_has_sizes_as_texts_and_leaves_that_of_an_empty_file_out() -> None:
    said = {"files": [{"path": "a", "is_dir": True}, {"path": "b", "file_size": "9"}, {"path": "c", "file_size": 7}]}
    assert list(read_folder("x", said | {"more": 1}, URL)) == [
        Artifact("x/a", True, 0),
        Artifact("x/b", False, 9),
        Artifact("x/c", False, 7),
    ]
    assert list(read_folder("", {}, URL)) == []


@pytest.mark.parametrize(
    "one",
    [
        {},
        {"path": ".."},
        {"path": "../x"},
        {"path": "/etc"},
        {"path": "a/b"},
        {"path": "a\\b"},
        {"path": ""},
        {"path": 3},
        {"path": "a", "file_size": "-1"},
        {"path": "a", "file_size": "9" * 40},
        {"path": "a", "file_size": "٣"},
        {"path": "a", "file_size": True},
        {"path": "a", "file_size": 1.5},
        {"path": "a", "is_dir": "no"},
        "a",
    ],
)
def test_an_entry_that_is_not_one_clean_name_with_its_size_is_refused(one: object) -> None:
    with pytest.raises(InvalidError):
        read_folder("x", {"files": [one]}, URL)


@pytest.mark.parametrize("answer", [None, [], {"files": {}}])
def test_what_is_no_list_is_refused(answer: object) -> None:
    with pytest.raises(InvalidError, match="no list of files"):
        read_folder("x", answer, URL)
