"""MLflow's protocol: an unmodified client uploads files and registers a version from them, as an import would."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from registry.api.mlflow import ledger
from registry.api.mlflow.ledger import NAME as LEDGER
from registry.api.mlflow.ledger import RECOUNTED_SECONDS
from registry.api.mlflow.staging import FOLDER, KEPT_SECONDS
from registry.domain.catalog.models import Status
from registry.domain.names import AssetKind, Name, Reference
from tests.importing import importing_here
from tests.registry.api.mlflow.test_changes import store_of
from tests.serving import ServedRegistry

API = "/api/2.0/mlflow"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
SAID = {"licence": "CC0-1.0", "task": "image-classification", "modality": "image", "architecture": "generic"}
TAGS = [{"key": key, "value": value} for key, value in SAID.items()]


def create(served: ServedRegistry, source: str, *, handle: str = "dev", **more: Any) -> tuple[int, str, str]:
    body = {"name": "vision.sent", "source": source, "tags": TAGS, **more}
    answer = served.client(handle).post(f"{API}/model-versions/create", json=body)
    return answer.status_code, answer.json().get("error_code", ""), answer.json().get("message", "")


def put(served: ServedRegistry, path: str, body: bytes, *, handle: str = "dev") -> Any:
    return served.client(handle).put(f"{ARTIFACTS}/{path}", content=body)


def staged(served: ServedRegistry) -> list[str]:
    return sorted(one.name for one in (served.family.home / FOLDER).rglob("*") if one.is_file() and one.name != LEDGER)


def test_an_unmodified_client_uploads_a_folder_and_registers_it_with_its_parent_and_no_approval(
    own_served: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.entities.model_registry import ModelVersionTag
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository

    (tmp_path / "out").mkdir()
    save_file({"0.weight": np.ones((2, 2), np.float32)}, tmp_path / "out" / "model.safetensors")
    said = {**SAID, "base_model": "models:/library.lite0/1", "team": "vision"}
    with store_of(own_served, "dev", monkeypatch) as store, importing_here():
        source = f"{store.get_host_creds().host}{ARTIFACTS}/uploads/first"
        HttpArtifactRepository(source).log_artifacts(str(tmp_path / "out"))
        assert staged(own_served) == ["model.safetensors"]
        tags = [ModelVersionTag(key, value) for key, value in said.items()]
        made = store.create_model_version("vision.sent", source, run_id="r1", tags=tags, description="# Sent\n")
    assert (made.name, made.version, made.status, made.current_stage) == ("vision.sent", "1", "READY", "None")
    assert (made.run_id, made.tags["team"], made.description) == ("r1", "vision", "# Sent\n")
    assert staged(own_served) == []
    reference = Reference.parse("models:/vision/sent/1")
    detail = own_served.family.system.catalog.version(reference)
    assert (detail.summary.created_by, detail.summary.licence) == ("dev", "CC0-1.0")
    step = own_served.family.system.transfers.step(detail.step)
    assert [(str(one.ref), one.assurance.value) for one in step.inputs] == [("models:/library/lite0/1", "declared")]


def test_an_unmodified_client_takes_a_name_and_registers_its_first_version_under_it(
    own_served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    with store_of(own_served, "dev", monkeypatch) as store:
        made = store.create_registered_model("vision.sent", description="Is sent")
        assert (made.name, made.description, made.latest_versions) == ("vision.sent", "Is sent", [])
        assert [one.name for one in store.search_registered_models("name = 'vision.sent'")] == ["vision.sent"]
        with pytest.raises(MlflowException) as there:
            store.create_registered_model("vision.sent")
        assert there.value.error_code == "RESOURCE_ALREADY_EXISTS"
        with pytest.raises(MlflowException, match=r"Write team\.name"):
            store.create_registered_model("sent")
    with store_of(own_served, "ana", monkeypatch) as store:
        store.delete_registered_model("vision.sent")
        assert store.create_registered_model("vision.sent").name == "vision.sent"


def test_an_unmodified_client_copies_a_version_with_an_edge_and_without_its_approval(
    own_served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    with store_of(own_served, "dev", monkeypatch) as store:
        source = store.get_model_version("vision.digits", "2")
        assert source.current_stage == "Staging"
        made = store.copy_model_version(source, "vision.sent")
        assert (made.name, made.version, made.current_stage, made.aliases) == ("vision.sent", "1", "None", [])
        assert made.description == source.description
        again = store.create_model_version("vision.other", source.source, description="# Other")
        assert (again.version, again.description) == ("1", "# Other")
        with pytest.raises(MlflowException, match="nobody has approved it"):
            store.get_model_version_download_uri("vision.sent", "1")
    system = own_served.family.system.catalog
    copied, original = (system.version(Reference.parse(f"models:/vision/{one}")) for one in ("sent/1", "digits/2"))
    assert copied.summary.digest == original.summary.digest
    assert copied.parents == (original.summary.ref,)


def test_a_version_that_was_taken_back_is_not_copied_and_the_reason_is_told(own_served: ServedRegistry) -> None:
    ana = own_served.family.registry("ana")
    ana.catalog.set_status(Reference.to(own_served.family.grandchild), Status.RECALLED, "Trained on stolen data")
    for source in ("models:/vision.digits/2", "models:/vision.digits@candidate", "mlflow-artifacts:/vision.digits/2"):
        status, code, message = create(own_served, source)
        assert (status, code, "recalled" in message) == (410, "PERMISSION_DENIED", True), source


def test_a_pickle_is_refused_and_the_upload_is_there_for_another_try(own_served: ServedRegistry) -> None:
    assert put(own_served, "uploads/bad/model.pt", pickle.dumps({"a": 1})).status_code == 200
    with importing_here():
        status, code, message = create(own_served, "mlflow-artifacts:/uploads/bad")
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE"), message
    assert "pickle" in message
    assert staged(own_served) == ["model.pt"]
    assert own_served.client("dev").get(f"{API}/registered-models/get?name=vision.sent").status_code == 404


def test_what_the_files_do_not_state_is_asked_for_in_tags(own_served: ServedRegistry, tmp_path: Path) -> None:
    save_file({"0.weight": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")
    put(own_served, "uploads/some/model.safetensors", (tmp_path / "model.safetensors").read_bytes())
    with importing_here():
        status, _, message = create(own_served, "mlflow-artifacts:/uploads/some", tags=TAGS[:1])
    assert (status, "its task, modality" in message, "tags of the version" in message) == (400, True, True)


def test_each_call_makes_a_version_and_a_licence_that_nothing_states_is_unknown(
    own_served: ServedRegistry, tmp_path: Path
) -> None:
    save_file({"0.weight": np.ones((2, 2), np.float32)}, tmp_path / "model.safetensors")
    made = []
    for upload in ("one", "two"):
        put(own_served, f"uploads/{upload}/model.safetensors", (tmp_path / "model.safetensors").read_bytes())
        with importing_here():
            status, _, message = create(own_served, f"mlflow-artifacts:/uploads/{upload}", tags=TAGS[1:])
        assert status == 200, message
        reference = Reference(AssetKind.MODELS, Name("vision", "sent"))
        made.append(own_served.family.registry("vic").catalog.version(reference).summary)
    assert [(one.ref.number, one.licence, one.stage) for one in made] == [
        (1, "unknown", "registered"),
        (2, "unknown", "registered"),
    ]
    assert made[0].digest == made[1].digest


def test_an_upload_is_its_owners_alone_goes_after_a_day_and_has_a_limit(own_served: ServedRegistry) -> None:
    assert put(own_served, "uploads/mine/a.txt", b"x" * 10).status_code == 200
    assert put(own_served, "uploads/mine/a.txt", b"", handle="vic").status_code == 403
    assert create(own_served, "mlflow-artifacts:/uploads/mine", handle="ana")[:2] == (404, "RESOURCE_DOES_NOT_EXIST")
    assert own_served.client("dev").get(f"{ARTIFACTS}/uploads/mine/a.txt").status_code == 400
    own_served.app.state.staging._limit = 15
    over = put(own_served, "uploads/other/b.txt", b"x" * 6)
    assert (over.status_code, over.json()["error_code"]) == (413, "INVALID_PARAMETER_VALUE")
    assert staged(own_served) == ["a.txt"]
    (upload,) = (one for one in (own_served.family.home / FOLDER).glob("*/*") if one.is_dir())
    old = upload.stat().st_mtime - KEPT_SECONDS - 60
    os.utime(upload, (old, old))
    assert put(own_served, "uploads/other/b.txt", b"x" * 6).status_code == 200
    assert staged(own_served) == ["b.txt"]


def test_an_upload_walks_no_other_and_the_total_is_right_after_every_kind_of_change(
    own_served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = own_served.family.home / FOLDER

    def total() -> tuple[int, int]:
        (record,) = home.glob(f"*/{LEDGER}")
        _, files, size = record.read_text().split()
        return int(files), int(size)

    def put_all(*paths: str) -> None:
        for path in paths:
            assert put(own_served, path, b"x" * 10).status_code == 200

    put_all("uploads/one/a", f"uploads/one/{LEDGER}", "uploads/two/a.part")
    assert total() == (3, 30)
    assert put(own_served, "uploads/one/a", b"x" * 4).status_code == 200, "in place of the first"
    assert total() == (3, 24)
    walked: list[Path] = []
    monkeypatch.setattr(ledger, "counted", walked.append)
    put_all("uploads/three/a")
    assert (total(), walked) == ((4, 34), [])
    monkeypatch.undo()
    (record,) = home.glob(f"*/{LEDGER}")
    counted_at, *_ = record.read_text().split()
    record.write_text(f"{float(counted_at) - RECOUNTED_SECONDS} 900 900")  # as a process that died may leave it
    put_all("uploads/three/b")
    assert total() == (5, 44)
    with importing_here():
        assert create(own_served, "mlflow-artifacts:/uploads/three")[0] == 400
    assert total() == (5, 44), "what was not registered is there still"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("s3://bucket/model", (400, "INVALID_PARAMETER_VALUE")),
        ("http://elsewhere.example/api/2.0/mlflow-artifacts/artifacts/uploads/x", (400, "INVALID_PARAMETER_VALUE")),
        ("mlflow-artifacts://elsewhere.example/uploads/x", (400, "INVALID_PARAMETER_VALUE")),
        ("mlflow-artifacts:/vision.digits/99", (404, "RESOURCE_DOES_NOT_EXIST")),
        ("models:/vision.none/1", (404, "RESOURCE_DOES_NOT_EXIST")),
        ("models:/m-0f3a", (400, "INVALID_PARAMETER_VALUE")),
        ("runs:/1f0c/model", (400, "INVALID_PARAMETER_VALUE")),
        ("mlflow-artifacts:/1/1f0c/artifacts/model", (400, "INVALID_PARAMETER_VALUE")),
        ("http://[bad/api/2.0/mlflow-artifacts/artifacts/1/1f0c/artifacts/m", (400, "INVALID_PARAMETER_VALUE")),
        ("http://elsewhere.example:x/api/2.0/mlflow-artifacts/artifacts/1", (400, "INVALID_PARAMETER_VALUE")),
        ("models:/vision.digits/Production", (400, "INVALID_PARAMETER_VALUE")),
        ("datasets:/vision/digits/1", (400, "INVALID_PARAMETER_VALUE")),
        ("mlflow-artifacts:/uploads/../x", (400, "INVALID_PARAMETER_VALUE")),
        ("mlflow-artifacts:/uploads/%2e%2e", (400, "INVALID_PARAMETER_VALUE")),
        ("mlflow-artifacts:/uploads/none", (404, "RESOURCE_DOES_NOT_EXIST")),
    ],
)
def test_no_other_address_is_registered(served: ServedRegistry, source: str, told: tuple[int, str]) -> None:
    assert create(served, source)[:2] == told


@pytest.mark.parametrize("path", ["uploads/x/%2e%2e/%2e%2e/y", "uploads/x/a%5Cb", "uploads/x/rows.dvc"])
def test_a_path_that_is_not_clean_is_refused(served: ServedRegistry, path: str) -> None:
    answer = put(served, path, b"x")
    assert answer.status_code in {400, 403, 404, 405}, answer.text
    assert not (served.family.home / FOLDER).exists() or staged(served) == []
