"""The catalog over HTTP: values in, the values of the domain out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from registry.domain.catalog.models import Describing, ModelDetail, ModelSummary, VersionDetail
from registry.domain.codec import from_json, schema_of
from registry.domain.paging import Page
from tests.registry.json_schema import misfits
from tests.serving import ServedRegistry, problem

DIGITS = "/api/v1/models/vision/digits"


def test_a_search_gives_the_values_of_the_domain(served: ServedRegistry) -> None:
    answer = served.client("vic").get("/api/v1/models", params={"text": "digits", "sort": "name", "descending": False})
    page = from_json(Page[ModelSummary], answer.json())
    assert [str(model.name) for model in page.items] == ["edge/digits-small", "library/lite0", "vision/digits"]
    assert misfits(answer.json(), schema_of(Page[ModelSummary])) == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"task": "text-classification"}, {"text/sentiment"}),
        ({"modality": "text"}, {"text/sentiment", "library/minilm"}),
        ({"tag": "team=vision"}, {"vision/digits"}),
        ({"stage": "candidate"}, {"vision/digits"}),
        ({"metric": "metrics.accuracy > 0.95"}, {"vision/digits"}),
        ({"metric": ["metrics.accuracy > 0.9", "metrics.accuracy < 0.95"]}, {"vision/digits", "edge/digits-small"}),
        ({"origin": "package:minilm"}, {"library/minilm"}),
        ({"owner": "vic"}, set()),
    ],
)
def test_every_filter_narrows_the_search(served: ServedRegistry, query: dict[str, Any], names: set[str]) -> None:
    items = served.client("vic").get("/api/v1/models", params=query).json()["items"]
    assert {item["name"] for item in items} == names


def test_pages_follow_one_another_without_gap_or_repeat(served: ServedRegistry) -> None:
    client, names, asked = served.client("vic"), [], {"limit": "2", "sort": "name"}
    while True:
        page = client.get("/api/v1/models", params=asked).json()
        names += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        asked["cursor"] = page["next_cursor"]
    assert len(names) == len(set(names)) == 5


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 0}, "bad-request"),
        ({"limit": "many"}, "bad-request"),
        ({"cursor": "made-up"}, "bad-cursor"),
        ({"metric": "accuracy is good"}, "bad-filter"),
        ({"sort": "luck"}, "bad-filter"),
        ({"sort": "metrics.acc"}, "bad-filter"),
        ({"owner": "nobody"}, "bad-filter"),
        ({"stage": "prod"}, "bad-filter"),
        ({"modality": "smell"}, "bad-request"),
    ],
)
def test_a_query_that_cannot_be_read_is_refused_by_name(
    served: ServedRegistry, query: dict[str, Any], code: str
) -> None:
    body = problem(served.client("vic").get("/api/v1/models", params=query))
    assert (body["status"], body["code"]) == (400, code)


@pytest.mark.parametrize("version", ["2", "latest", "@candidate"])
def test_a_version_is_found_by_number_or_alias_or_as_the_latest(served: ServedRegistry, version: str) -> None:
    detail = from_json(VersionDetail, served.client("vic").get(f"{DIGITS}/versions/{version}").json())
    assert detail.summary.ref == served.family.grandchild
    assert [parent.label for parent in detail.parents] == ["vision/digits/1"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("vision/nothing", 404, "not-found"),
        ("vision/digits/versions/99", 404, "not-found"),
        ("vision/digits/versions/@nobody", 404, "not-found"),
        ("vision/digits/versions/0", 400, "bad-reference"),
        ("vision/digits/versions/two", 400, "bad-reference"),
        ("vision/digits/versions/٣", 400, "bad-reference"),
        ("Vision/digits", 400, "bad-name"),
        ("vision/..%2f..%2fetc", 404, "not-found"),
        ("vision/a--b", 400, "bad-name"),
    ],
)
def test_a_missing_or_impossible_name_is_reported(served: ServedRegistry, path: str, status: int, code: str) -> None:
    body = problem(served.client("vic").get(f"/api/v1/models/{path}"))
    assert (body["status"], body["code"]) == (status, code)


def test_facets_count_what_matches(served: ServedRegistry) -> None:
    facets = {one["field"]: dict(one["counts"]) for one in served.client("vic").get("/api/v1/models/facets").json()}
    assert facets["modality"] == {"image": 3, "text": 2}


def test_what_was_meant_by_a_word_that_no_model_has_is_another_question(served: ServedRegistry) -> None:
    client = served.client("vic")
    assert client.get("/api/v1/models?text=digtis").json()["items"] == []
    assert client.get("/api/v1/models/spelling?text=digtis").json() == {"text": "digits"}
    page = client.get("/?text=digtis").text
    assert "Nothing matches “digtis”. Showing “digits”." in page
    assert "vision/</span><strong>digits" in page


def test_describing_tags_and_aliases_change_what_is_said(own_served: ServedRegistry) -> None:
    client = own_served.client("dev")
    said = client.get(DIGITS).json()["summary"]
    wanted = {key: said[key] for key in ("task", "modality", "origin")}
    wanted |= {"licence": "MIT", "description": "Now in colour", "tags": {"a": "b"}}
    assert from_json(Describing, wanted)
    changed = from_json(ModelDetail, client.put(DIGITS, json=wanted).json())
    assert (changed.summary.description, changed.summary.tags) == ("Now in colour", {"a": "b"})
    assert client.patch(f"{DIGITS}/tags", json={"tags": {"a": None, "c": "d"}}).status_code == 204
    assert client.patch(f"{DIGITS}/versions/@candidate/tags", json={"tags": {"v": "2"}}).status_code == 204
    assert client.get(f"{DIGITS}/versions/2").json()["tags"] == {"v": "2"}
    assert client.get(DIGITS).json()["summary"]["tags"] == {"c": "d"}
    assert client.put(f"{DIGITS}/aliases/best", json={"version": 1}).json()["ref"] == "models:/vision/digits/1"
    assert client.delete(f"{DIGITS}/aliases/best").status_code == 204
    assert [one["ref"] for one in client.get(f"{DIGITS}/aliases/best").json()] == ["models:/vision/digits/1", None]


def test_a_protected_alias_does_not_move_by_hand(own_served: ServedRegistry) -> None:
    body = problem(own_served.client("ana").put(f"{DIGITS}/aliases/production", json={"version": 1}))
    assert (body["status"], body["code"]) == (403, "policy-refused")
    assert body["facts"]["reasons"]


def test_status_and_cards_and_deletion_are_audited(own_served: ServedRegistry) -> None:
    client = own_served.client("dev")
    assert client.post(f"{DIGITS}/versions/1/deprecate", json={"reason": "old"}).json()["status_reason"] == "old"
    card = client.post(f"{DIGITS}/versions/1/cards", json={"text": "---\nlicense: mit\n---\n# Hi"})
    assert (card.status_code, card.json()["number"]) == (201, 2)
    assert len(client.get(f"{DIGITS}/versions/1/cards").json()) == 2
    assert problem(client.post(f"{DIGITS}/versions/1/cards", json={"text": "---\na: [\n---\n"}))["status"] == 422
    encoder = "/api/v1/models/library/minilm/versions/1"
    assert client.post(f"{encoder}/archive", json={"reason": "older"}).json()["summary"]["status"] == "archived"
    assert problem(own_served.client("vic").delete("/api/v1/models/text/sentiment"))["code"] == "permission-denied"
    assert own_served.client("ana").delete("/api/v1/models/text/sentiment").status_code == 204
    assert client.get("/api/v1/models/text/sentiment").status_code == 404


def test_a_misspelt_field_of_a_body_is_named(own_served: ServedRegistry) -> None:
    client = own_served.client("dev")
    body = problem(client.put(f"{DIGITS}/aliases/best", json={"versoin": 1}))
    assert (body["status"], body["code"]) == (422, "invalid")
    assert "versoin" in body["detail"]
    assert problem(client.put(f"{DIGITS}/aliases/best", content=b"{"))["code"] == "bad-request"
    deep = b"[" * 100_000
    assert problem(client.put(f"{DIGITS}/aliases/best", content=deep))["status"] in {400, 422}
    assert problem(client.put(f"{DIGITS}/aliases/best", content=b" " * (2 * 1024**2 + 1)))["status"] == 413


def test_history_lists_what_happened(served: ServedRegistry) -> None:
    items = served.client("vic").get(f"{DIGITS}/history").json()["items"]
    assert {"promotion.requested", "alias.moved", "card.revised"} <= {item["action"] for item in items}


def test_the_openapi_document_holds_every_value_once(served: ServedRegistry) -> None:
    document = served.client("vic").get("/api/v1/openapi.json").json()
    text = json.dumps(document)
    assert "$defs" not in text
    schemas = document["components"]["schemas"]
    for name in (
        "VersionDetail",
        "PageOfModelSummary",
        "RequestDetail",
        "StepDetail",
        "ProblemDetails",
        "ImportDetails",
    ):
        assert name in schemas
    used = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert used <= set(schemas)
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            assert said["responses"]["default"], (method, path)
            assert said.get("description"), (method, path)


@pytest.mark.parametrize(("query", "hint"), [("license=MIT", "'licence'"), ("bogus=1", "there are")])
def test_a_misspelt_filter_is_refused_not_ignored(served: ServedRegistry, query: str, hint: str) -> None:
    answer = served.client("vic").get(f"/api/v1/models?{query}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad-filter"
    assert hint in answer.json()["detail"]


def test_a_dataset_lists_its_versions_and_the_home_is_examined(served: ServedRegistry) -> None:
    client = served.client("vic")
    (dataset, *_) = client.get("/api/v1/datasets").json()["items"]
    page = client.get(f"/api/v1/datasets/{dataset['name']}/versions").json()
    assert page["items"][0]["ref"] == dataset["version"]["ref"]
    assert client.get("/api/v1/datasets/data/nothing/versions").json()["code"] == "not-found"
    assert {"ok"} <= {problem["level"] for problem in client.get("/api/v1/doctor").json()}


def test_every_route_is_in_the_documentation_and_none_too_many(served: ServedRegistry) -> None:
    paths = served.client("vic").get("/api/v1/openapi.json").json()["paths"]
    offered = {f"| {m.upper()} | `{path.removeprefix('/api/v1')}` |" for path, said in paths.items() for m in said}
    text = (Path(__file__).parents[4] / "docs/http-api.md").read_text(encoding="utf-8")
    written = {line[: line.index("` |") + 3] for line in text.partition("## Routes")[2].splitlines() if "` |" in line}
    assert written == offered
