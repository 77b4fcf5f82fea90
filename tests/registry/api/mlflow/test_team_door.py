"""MLflow's protocol at the address of one team: names without a team, as people spell them, and only its models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.api.mlflow.naming import Naming, fold
from registry.domain.catalog.picking import SPELLING
from registry.domain.names import AssetKind, Name, Reference
from registry.errors import BadNameError
from tests.registry.api.mlflow.test_changes import CHANGES
from tests.serving import ServedRegistry, listening

API = "/api/2.0/mlflow"
DOOR = f"/teams/vision{API}"
FILES = "/teams/vision/api/2.0/mlflow-artifacts/artifacts"


def got(served: ServedRegistry, path: str, *, handle: str = "vic", **query: Any) -> Any:
    answer = served.client(handle).get(DOOR + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_unmodified_client_finds_and_downloads_a_version_by_a_name_without_its_team(
    served: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", served.family.tokens["vic"])
    with listening(served.app) as address:
        store = RestStore(lambda: get_default_host_creds(f"{address}/teams/vision"))
        assert [one.name for one in store.search_registered_models()] == ["digits"]
        version = store.get_model_version_by_alias("digits", "candidate")
        assert [one.version for one in store.search_model_versions(f"source_path = '{version.source}'")] == ["2"]
        where = store.get_model_version_download_uri(version.name, version.version)
        assert where == version.source == f"{address}{FILES}/digits/2"
        HttpArtifactRepository(where).download_artifacts("", str(tmp_path))
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"README.md", "config.json", "weights/model.safetensors"}


def test_only_the_models_of_the_team_are_there_and_a_name_with_a_team_is_another_name(served: ServedRegistry) -> None:
    every = served.client("vic").get(f"{API}/registered-models/search").json()["registered_models"]
    assert {one["name"].partition(".")[0] for one in every} > {"vision"}
    assert {one["name"] for one in got(served, "/model-versions/search")["model_versions"]} == {"digits"}
    for name in ("lite0", "library.lite0", "library/lite0", "vision.digits", "../library/lite0"):
        answer = served.client("vic").get(f"{DOOR}/registered-models/get", params={"name": name})
        assert answer.status_code in {400, 404}, name
    assert got(served, "/registered-models/search", filter="name = 'library.lite0'") == {"registered_models": []}


def test_a_model_keeps_the_spelling_of_whoever_created_it_and_is_one_with_every_other_spelling(
    own_served: ServedRegistry,
) -> None:
    dev = own_served.client("dev")
    made = dev.post(f"{DOOR}/registered-models/create", json={"name": "Fraud Detector 2"}).json()["registered_model"]
    assert (made["name"], made["tags"]) == ("Fraud Detector 2", [])
    for name in ("Fraud Detector 2", "fraud-detector-2", "FRAUD.DETECTOR 2"):
        assert got(own_served, "/registered-models/get", name=name)["registered_model"] == made
    again = dev.post(f"{DOOR}/registered-models/create", json={"name": "fraud detector-2"})
    assert (again.status_code, again.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    assert "Registered Model (name=fraud detector-2) already exists" in again.json()["message"]
    own = own_served.client("vic").get(f"{API}/registered-models/get", params={"name": "vision.fraud-detector-2"})
    assert own.json()["registered_model"]["tags"] == [{"key": SPELLING, "value": "Fraud Detector 2"}]

    def found(text: str) -> list[str]:
        return [one["name"] for one in got(own_served, "/registered-models/search", filter=text)["registered_models"]]

    assert found("name = 'Fraud Detector 2'") == found("name LIKE 'Fraud%'") == found("name ILIKE '%DETECTOR%'")
    assert found("name IN ('Fraud Detector 2', '/')") == ["Fraud Detector 2"]
    assert found("name LIKE 'fraud%'") == found("name = ''") == []
    assert found("name LIKE 'dig%'") == found("name != 'Fraud Detector 2'") == ["digits"]

    def renamed(name: str, new: str) -> Any:
        return dev.post(f"{DOOR}/registered-models/rename", json={"name": name, "new_name": new}).json()

    for new in ("FRAUD detector 2", "Fraud Detector 3", "fraud-detector-4"):
        assert renamed(found("name ILIKE 'fraud%'")[0], new)["registered_model"]["name"] == new
        assert found("name ILIKE 'fraud%'") == [new]
    assert renamed("fraud-detector-4", "Digits")["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert "keeps its name" in renamed("digits", "Numbers")["message"]


def test_a_tag_cannot_make_one_model_look_like_another(own_served: ServedRegistry) -> None:
    digits = Reference(AssetKind.MODELS, Name("vision", "digits"))
    own_served.family.registry("dev").catalog.tag(digits, {SPELLING: "Fraud"})
    assert [one["name"] for one in got(own_served, "/registered-models/search")["registered_models"]] == ["digits"]
    answer = own_served.client("vic").get(f"{DOOR}/registered-models/get", params={"name": "Fraud"})
    assert answer.status_code == 404
    assert "Registered Model with name=Fraud not found" in answer.json()["message"]


def test_the_same_rules_hold_as_at_the_address_of_all(own_served: ServedRegistry) -> None:
    vic, ana = own_served.client("vic"), own_served.client("ana")
    for address in (f"{DOOR}/model-versions/get-download-uri?name=digits&version=1", f"{FILES}/digits/1/config.json"):
        assert vic.get(address).status_code == 403, address
    for method, path, body in CHANGES:
        own = {**body, "name": body["name"].removeprefix("vision.")}
        answer = vic.request(method, f"{DOOR}/{path}", json=own)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED"), (path, answer.text)
    protected = {"name": "digits", "alias": "production", "version": 2}
    assert ana.post(f"{DOOR}/registered-models/alias", json=protected).status_code == 403
    assert own_served.client().get(f"{DOOR}/registered-models/search").status_code == 401
    browser = own_served.browser("vic").post(f"{DOOR}/registered-models/get-latest-versions", json={"name": "digits"})
    assert (browser.status_code, browser.json()["error_code"]) == (403, "PERMISSION_DENIED")
    own_served.family.registry("ana").teams.close("vision")
    for address in (f"{DOOR}/registered-models/get?name=digits", f"{FILES}/digits/2/config.json"):
        assert vic.get(address).status_code == 404, address
    assert got(own_served, "/registered-models/search") == {"registered_models": []}


@pytest.mark.parametrize(
    "path",
    ["/teams/vision/api/v1/models", "/teams/vision/api/models", "/teams/a.b/api/2.0/mlflow/registered-models/search"],
)
def test_no_other_protocol_is_below_a_team(served: ServedRegistry, path: str) -> None:
    assert served.client("ana").get(path).status_code == 404


def test_a_token_of_another_team_opens_nothing_here(own_served: ServedRegistry) -> None:
    limited = own_served.family.registry("dev").people.create_token("dev", label="t", days=1, teams=("library",))
    client = own_served.client("dev")
    client.headers["Authorization"] = f"Bearer {limited.secret}"
    assert client.get(f"{DOOR}/registered-models/get", params={"name": "digits"}).status_code == 403


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Fraud Detector", "fraud-detector"),
        ("a__b", "a_b"),
        ("x.y (2)", "x-y-2"),
        ("-A_-_B-", "a-b"),
        ("digits", "digits"),
    ],
)
def test_a_name_is_folded_to_what_our_names_may_be(text: str, name: str) -> None:
    assert fold(text) == name == fold(name)


@pytest.mark.parametrize("text", ["", "---", "a/b", "a:b", "Modèle", "a\nb", "模型"])
def test_what_folds_to_nothing_or_could_mean_another_model_is_no_name(text: str) -> None:
    with pytest.raises(BadNameError):
        fold(text)


def test_a_source_is_a_model_of_the_team_unless_it_names_another(served: ServedRegistry) -> None:
    here = Naming("vision")
    assert here.reference("models:/Digits/2") == Reference(AssetKind.MODELS, Name("vision", "digits"), 2)
    assert here.reference("models:/Digits@champion").alias == "champion"
    assert here.reference("models:/library/lite0/1").name == Name("library", "lite0")
    assert Naming().reference("models:/library.lite0/1").name == Name("library", "lite0")
