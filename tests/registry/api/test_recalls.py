"""Recalls over HTTP: no route gives the bytes of what was taken back, and the answer names the recall."""

from __future__ import annotations

import pytest

from tests.registry.api.test_attacks import operations
from tests.serving import ServedRegistry, problem

MODEL = "/api/v1/models/vision/digits/versions/2"
WEIGHTS = f"{MODEL}/files/weights/model.safetensors"
FILES = {
    "/api/v1/models/{team}/{name}/versions/{version}/files/{path}",
    "/api/v1/datasets/{team}/{name}/versions/{version}/files/{path}",
    "/api/v1/transfers/inputs/{reading}",
}
"""The routes that give files of versions."""
INPUT = f"/api/v1/transfers/inputs/{'0' * 32}?reference=models:/vision/digits/2"
BLOB = "/v2/vision/digits/blobs/"
DOORS = (
    "/v2/vision/digits/manifests/2",
    "/vision/digits/resolve/2/config.json",
    "/api/2.0/mlflow-artifacts/artifacts/vision.digits/2/config.json",
)
"""Where clients of OCI, the Hub and MLflow read."""
WISH = {"target": "models:/vision/digits/2", "level": "recall", "reason": "poisoned", "reason_class": "poisoning"}


def _opened(served: ServedRegistry, **changes: str) -> str:
    answer = served.client("ana").post("/api/v1/recalls", json={**WISH, **changes})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["recall"]["id"])


def test_the_routes_that_give_files_are_these_and_no_others(served: ServedRegistry) -> None:
    giving = set()
    for method, path, said in operations(served):
        kinds = {kind for one in said["responses"].values() for kind in one.get("content", {})}
        if "application/octet-stream" in kinds:
            assert method == "get"
            giving.add(path)
    assert giving == FILES


@pytest.mark.parametrize(
    ("reason", "level", "status", "code"),
    [
        ("poisoning", "recall", 410, "recalled"),
        ("legal", "recall", 451, "recalled"),
        ("quality", "quarantine", 423, "withheld"),
    ],
)
def test_no_way_of_asking_gives_a_byte_of_what_was_recalled(
    own_served: ServedRegistry, reason: str, level: str, status: int, code: str
) -> None:
    vic = own_served.client("vic")
    before = vic.get(WEIGHTS)
    etag = before.headers["etag"]
    doors = (*DOORS, BLOB + vic.get(DOORS[0]).json()["layers"][0]["digest"])
    assert [vic.get(door).status_code for door in doors] == [200] * len(doors)
    recall = _opened(own_served, reason_class=reason, level=level)
    for who in ("vic", "dev", "ben", "ana"):
        client = own_served.client(who)
        for headers in (
            {},
            {"Range": "bytes=0-3"},
            {"If-None-Match": etag},
            {"If-None-Match": "*"},
            {"If-Range": etag},
        ):
            for path in (WEIGHTS, WEIGHTS.replace("weights/model.safetensors", "config.json"), INPUT):
                said = problem(client.get(path, headers=headers))
                assert (said["status"], said["code"], said["facts"]["recall"]) == (status, code, recall)
                head = client.head(path, headers=headers)
                assert (head.status_code, head.content) == (status, b"")
    for door in doors:
        other = vic.get(door)  # a client of the Hub goes on with its copy after a 423
        expected = 410 if status == 423 and "resolve" in door else status
        assert (other.status_code, recall in other.text) == (expected, True), (door, other.text)
    assert vic.get(MODEL).json()["summary"]["status"] == ("suspended" if level == "quarantine" else "recalled")
    reversed_ = own_served.client("ana").post(f"/api/v1/recalls/{recall}/reverse", json={"reason": "wrong"})
    assert reversed_.json()["restored"][0] == "models:/vision/digits/2"
    assert vic.get(WEIGHTS).content == before.content


def test_the_files_of_a_dataset_and_of_a_model_that_learnt_from_it_stop_together(own_served: ServedRegistry) -> None:
    vic = own_served.client("vic")
    data = vic.get("/api/v1/datasets/vision/digits/versions/1").json()["files"][0]["path"]
    path = f"/api/v1/datasets/vision/digits/versions/1/files/{data}"
    assert vic.get(path).status_code == 200
    wish = {**WISH, "target": "datasets:/vision/digits"}
    seen = vic.post("/api/v1/recalls/preview", json=wish).json()
    reached = {hit["ref"]: hit["effect"] for hit in seen["hits"]}
    assert reached["datasets:/vision/digits/1"] == "target"
    recall = _opened(own_served, target="datasets:/vision/digits")
    assert vic.get(path).status_code == 410
    for ref, effect in reached.items():
        if ref.startswith("models:") and effect == "tainted":
            name, _, number = ref.removeprefix("models:/").rpartition("/")
            listed = vic.get(f"/api/v1/models/{name}/versions/{number}").json()["files"][0]["path"]
            said = problem(vic.get(f"/api/v1/models/{name}/versions/{number}/files/{listed}"))
            assert (said["status"], said["facts"]["recall"]) == (423, recall)
    board = vic.get(f"/api/v1/recalls/{recall}/tasks").json()["items"]
    assert {task["ref"]: task["effect"] for task in board} == {r: e for r, e in reached.items() if e != "target"}


def test_a_descendant_is_disposed_of_and_confirmed_by_another_person(own_served: ServedRegistry) -> None:
    recall = _opened(own_served, target="datasets:/vision/digits")
    tasks = f"/api/v1/recalls/{recall}/tasks"
    ref = own_served.client("vic").get(tasks).json()["items"][0]["ref"]
    body = {"kind": "dispute", "comment": "it was trained on other rows"}
    answer = own_served.client("dev").post(tasks, params={"reference": ref}, json=body)
    assert answer.json()["proposed_by"] == "dev"
    said = problem(own_served.client("dev").post(f"{tasks}/confirm", params={"reference": ref}))
    assert said["status"] == 403
    open_ = own_served.client("vic").get("/api/v1/recalls", params={"state": "open"}).json()["items"]
    assert [one["id"] for one in open_] == [recall]
