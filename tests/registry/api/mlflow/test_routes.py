"""MLflow's protocol: what its clients read is governed, by alias, number and address of a file alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from registry.api.contents import GivenFile
from registry.api.mlflow import files
from registry.domain.catalog.models import Status, VersionDetail
from registry.domain.names import Reference
from tests.registry.api.test_costs import questions, widen
from tests.serving import ServedRegistry, copy_of, listening

API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
EVERY_ADDRESS = (
    f"{API}/model-versions/get-download-uri?name=vision.digits&version={{}}",
    f"{FILES}?path=vision.digits/{{}}",
    f"{FILES}/vision.digits/{{}}/config.json",
)
"""Each address by which the files of a version are reached."""


def got(served: ServedRegistry, path: str, **query: Any) -> Any:
    answer = served.client("vic").get(API + path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(served: ServedRegistry, path: str, **query: Any) -> tuple[int, str]:
    answer = served.client("vic").get(path, params=query or None)
    return answer.status_code, answer.json()["error_code"]


def test_a_model_is_named_by_a_dot_and_has_the_newest_version_of_each_stage(served: ServedRegistry) -> None:
    model = got(served, "/registered-models/get", name="vision.digits")["registered_model"]
    assert model == got(served, "/registered-models/get", name="vision/digits")["registered_model"]
    assert model["name"] == "vision.digits"
    assert [(one["version"], one["current_stage"]) for one in model["latest_versions"]] == [
        ("2", "Staging"),
        ("1", "None"),
    ]
    assert {one["alias"]: one["version"] for one in model["aliases"]} == {"candidate": "2", "champion": "1"}
    assert model["tags"] == [{"key": "team", "value": "vision"}]


def test_a_version_is_read_by_number_alias_and_as_the_latest(served: ServedRegistry) -> None:
    version = got(served, "/model-versions/get", name="vision.digits", version="2")["model_version"]
    assert version["status"] == "READY"
    assert "# digits" in version["description"]
    for alias in ("candidate", "latest"):
        assert got(served, "/registered-models/alias", name="vision.digits", alias=alias)["model_version"] == version
    latest = served.client("vic").post(f"{API}/registered-models/get-latest-versions", json={"name": "vision.digits"})
    assert latest.json()["model_versions"][0] == version
    only = got(served, "/registered-models/get-latest-versions", name="vision.digits", stages=["none"])
    assert [one["version"] for one in only["model_versions"]] == ["1"]


def test_an_alias_of_ours_that_is_named_latest_means_what_it_names(own_served: ServedRegistry) -> None:
    own_served.family.system.catalog.set_alias(Reference.to(own_served.family.child), "latest")
    found = got(own_served, "/registered-models/alias", name="vision.digits", alias="latest")["model_version"]
    assert found["version"] == "1"


def test_searches_filter_sort_and_page(served: ServedRegistry) -> None:
    def names(**query: Any) -> list[str]:
        return [one["name"] for one in got(served, "/registered-models/search", **query)["registered_models"]]

    every = names()
    assert every == sorted(every)
    assert names(filter="name LIKE 'vision.%' AND tags.team = 'vision'") == ["vision.digits"]
    assert names(filter="name IN ('text.sentiment', 'no.model', 'bad')") == ["text.sentiment"]
    assert names(filter="tags.`mlflow.prompt.is_prompt` = 'true'") == names(max_results=0) == []
    assert names(filter="tags.`mlflow.prompt.is_prompt` != 'true'", order_by=["name DESC"]) == every[::-1]
    first = got(served, "/registered-models/search", max_results=2)
    token = first["next_page_token"]
    assert [one["name"] for one in first["registered_models"]] + names(max_results=9, page_token=token) == every
    search = f"{API}/registered-models/search"
    assert refused(served, search, page_token=token, filter="name = 'x.y'") == (400, "INVALID_PARAMETER_VALUE")
    versions = got(served, "/model-versions/search", filter="name = 'vision.digits'", order_by=["version_number ASC"])
    assert [one["version"] for one in versions["model_versions"]] == ["1", "2"]
    assert len(got(served, "/model-versions/search")["model_versions"]) == len(every) + 1
    newer = got(served, "/model-versions/search", filter="name = 'vision.digits' AND version_number > 1")
    assert [one["version"] for one in newer["model_versions"]] == ["2"]
    assert got(served, "/model-versions/search", filter="run_id = 'x'")["model_versions"] == []


@pytest.mark.parametrize("address", EVERY_ADDRESS)
def test_a_version_that_nobody_approved_is_refused_with_the_reason(served: ServedRegistry, address: str) -> None:
    answer = served.client("vic").get(address.format(1))
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert "nobody has approved it" in answer.json()["message"]
    assert served.client("vic").get(address.format(2)).status_code == 200


def test_a_recalled_version_is_refused_at_every_address_and_its_description_is_still_read(
    own_served: ServedRegistry,
) -> None:
    ana = own_served.family.registry("ana")
    ana.catalog.set_status(Reference.to(own_served.family.grandchild), Status.RECALLED, "Trained on stolen data")
    for address in EVERY_ADDRESS:
        assert refused(own_served, address.format(2)) == (410, "PERMISSION_DENIED"), address
    version = got(own_served, "/model-versions/get", name="vision.digits", version="2")["model_version"]
    assert version["name"] == "vision.digits"


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"{API}/registered-models/get?name=vision.none", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{API}/registered-models/get?name=none", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/registered-models/get", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/model-versions/get?name=vision.digits&version=9", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{API}/model-versions/get?name=vision.digits&version=x", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/registered-models/alias?name=vision.digits&alias=none", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/registered-models/alias?name=no.model&alias=latest", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{API}/registered-models/search?max_results=1001", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/registered-models/search?max_results=x", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/model-versions/search?max_results=0", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/model-versions/search?page_token=%C3%A9", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/model-versions/search?filter=name%20IS%20NULL", (400, "INVALID_PARAMETER_VALUE")),
        (f"{FILES}/vision.digits/2/none.txt", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{FILES}/vision.digits/2/%2e%2e/secret", (404, "RESOURCE_DOES_NOT_EXIST")),
        (f"{FILES}?path=vision.digits", (400, "INVALID_PARAMETER_VALUE")),
        (f"{API}/runs/get?run_id=1", (404, "ENDPOINT_NOT_FOUND")),
        (f"{API}/registered-models/create", (405, "ENDPOINT_NOT_FOUND")),
    ],
)
def test_an_error_has_the_code_that_clients_of_mlflow_know(
    served: ServedRegistry, path: str, told: tuple[int, str]
) -> None:
    assert refused(served, path) == told


def test_a_session_of_a_browser_changes_nothing_without_its_csrf_token(served: ServedRegistry) -> None:
    answer = served.browser("vic").post(f"{API}/registered-models/get-latest-versions", json={"name": "vision.digits"})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_an_unmodified_client_finds_and_downloads_a_version_by_its_alias(
    served: ServedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", served.family.tokens["vic"])
    with listening(served.app) as address:
        store = RestStore(lambda: get_default_host_creds(address))
        assert [one.name for one in store.search_registered_models("name ILIKE 'VISION%'")] == ["vision.digits"]
        version = store.get_model_version_by_alias("vision.digits", "candidate")
        where = store.get_model_version_download_uri(version.name, version.version)
        HttpArtifactRepository(where).download_artifacts("", str(tmp_path))
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"README.md", "config.json", "weights/model.safetensors"}


def test_a_search_asks_as_much_for_many_models_as_for_few_whatever_its_filter(
    served: ServedRegistry, tmp_path: Path
) -> None:
    wide = copy_of(served, tmp_path / "home")
    searches: list[tuple[str, dict[str, Any]]] = [
        ("/registered-models/search", {"max_results": 500}),
        ("/registered-models/search", {"filter": "tags.team != 'x' AND name ILIKE '%'", "order_by": "timestamp DESC"}),
        ("/model-versions/search", {"max_results": 500}),
        ("/model-versions/search", {"filter": "run_id != 'x' AND source_path LIKE '%1'", "max_results": 500}),
        ("/registered-models/get", {"name": "wide.many"}),
    ]
    few: list[int] = []
    many: list[int] = []
    for counts, count, start in ((few, 5, 0), (many, 60, 5)):
        widen(wide, count, start)
        for path, query in searches:
            got(wide, path, **query)
            with questions() as asked:
                got(wide, path, **query)
            counts.append(len(asked))
    assert len(got(wide, "/model-versions/search")["model_versions"]) > 100
    assert [late > early + 1 for early, late in zip(few, many, strict=True)] == [False] * len(searches), (few, many)


def test_one_file_is_found_by_its_path_and_without_the_list_of_all(
    served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    vic = served.client("vic")
    listed = {one["path"] for one in vic.get(FILES, params={"path": "vision.digits/2"}).json()["files"]}
    assert listed == {"README.md", "config.json", "weights"}
    bodies = {path: vic.get(f"{FILES}/vision.digits/2/{path}").content for path in ("README.md", "config.json")}
    assert b"# digits" in bodies["README.md"]
    asked: list[str] = []

    def all_of_them(_registry: object, detail: VersionDetail) -> dict[str, GivenFile]:
        asked.append(str(detail.summary.ref))
        return {}

    monkeypatch.setattr(files, "artifacts", all_of_them)
    assert vic.get(f"{FILES}/vision.digits/2/config.json").content == bodies["config.json"]
    assert asked == []
    assert vic.get(f"{FILES}/vision.digits/2/README.md").status_code == 404, "the card is added to the list"
    assert asked == ["models:/vision/digits/2"]


def test_a_short_page_leaves_out_what_is_of_a_closed_team_and_the_next_one_follows(own_served: ServedRegistry) -> None:
    every = [one["name"] for one in got(own_served, "/registered-models/search")["registered_models"]]
    own_served.family.registry("ana").teams.close("vision")
    for path, key in (("/registered-models/search", "registered_models"), ("/model-versions/search", "model_versions")):
        names, query = list[str](), {"max_results": 1, "order_by": "name"}
        while True:
            page = got(own_served, path, **query)
            names += [one["name"] for one in page[key]]
            if "next_page_token" not in page:
                break
            query["page_token"] = page["next_page_token"]
        assert names == [one for one in every if not one.startswith("vision.")], path
    first = own_served.client("vic").get("/api/v1/models", params={"limit": 1, "sort": "name", "descending": False})
    assert (len(first.json()["items"]), bool(first.json()["next_cursor"])) == (1, True)
    for address in EVERY_ADDRESS:
        assert refused(own_served, address.format(2)) == (404, "RESOURCE_DOES_NOT_EXIST"), address
