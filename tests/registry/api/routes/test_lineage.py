"""Steps, recipes and walks of the graph over HTTP."""

from __future__ import annotations

import json

from registry.domain.codec import from_json, schema_of
from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail
from registry.domain.paging import Page
from registry.domain.transfers.steps import StepDetail
from registry.domain.verbs.impact import Affected, ImpactSummary
from registry.domain.verbs.lineage import Ancestry
from tests.registry.json_schema import misfits
from tests.serving import ServedRegistry, problem

API = "/api/v1"


def test_the_ancestors_of_a_grandchild_reach_its_backbone(served: ServedRegistry) -> None:
    answer = served.client("vic").get(f"{API}/lineage", params={"target": "models:/vision/digits/2"})
    assert misfits(answer.json(), schema_of(Ancestry)) == []
    found = from_json(Ancestry, answer.json())
    labels = {node.label.removeprefix("models:/") for node in found.nodes}
    assert {"vision/digits/2", "vision/digits/1", "library/lite0/1"} <= labels
    assert found.complete


def test_depth_is_counted_in_generations(served: ServedRegistry) -> None:
    params = {"target": "models:/vision/digits@candidate", "up": "1", "down": "0"}
    labels = {one["label"] for one in served.client("vic").get(f"{API}/lineage", params=params).json()["nodes"]}
    assert any("vision/digits/1" in label for label in labels)
    assert not any("lite0" in label for label in labels)


def test_the_graph_is_written_as_mermaid_and_dot(served: ServedRegistry) -> None:
    params = {"target": "models:/vision/digits/2", "down": "-1"}
    mermaid = served.client("vic").get(f"{API}/lineage", params=params | {"format": "mermaid"})
    assert mermaid.headers["content-type"].startswith("text/plain")
    assert "lite0" in mermaid.text
    assert served.client("vic").get(f"{API}/lineage", params=params | {"format": "dot"}).text.startswith("digraph")


def test_a_path_joins_ancestor_and_descendant_or_is_not_found(served: ServedRegistry) -> None:
    params = {"source": "models:/library/lite0/1", "target": "models:/edge/digits-small/1"}
    found = from_json(Ancestry, served.client("vic").get(f"{API}/lineage/path", params=params).json())
    assert len(found.edges) == len(found.nodes) - 1
    turned = {"source": params["target"], "target": params["source"]}
    assert problem(served.client("vic").get(f"{API}/lineage/path", params=turned))["code"] == "not-found"


def test_what_a_recall_would_touch_is_counted_listed_and_streamed(served: ServedRegistry) -> None:
    client, params = served.client("vic"), {"target": "models:/library/lite0/1"}
    total = client.get(f"{API}/lineage/impact", params=params)
    assert misfits(total.json(), schema_of(ImpactSummary)) == []
    page = client.get(f"{API}/lineage/impact/versions", params=params | {"ways": "true"})
    assert misfits(page.json(), schema_of(Page[Affected])) == []
    items = page.json()["items"]
    assert total.json()["versions"] == len(items) > 2
    assert items[0]["effect"] == "target"
    stream = client.get(f"{API}/lineage/impact/every", params=params | {"ways": "true"})
    assert stream.headers["content-type"] == "application/jsonl"
    assert [json.loads(line) for line in stream.text.splitlines()] == items
    for what in ("", "/versions", "/every"):
        missing = problem(client.get(f"{API}/lineage/impact{what}", params={"target": "models:/no/such/1"}))
        assert missing["status"] == 404


def test_an_unknown_target_is_not_found_and_a_bad_one_is_named(served: ServedRegistry) -> None:
    client = served.client("vic")
    assert problem(client.get(f"{API}/lineage", params={"target": "models:/no/such/1"}))["status"] == 404
    assert problem(client.get(f"{API}/lineage", params={"target": "a;b"}))["status"] in {400, 404}
    assert problem(client.get(f"{API}/lineage"))["code"] == "bad-request"


def test_a_step_is_shown_with_curve_and_manifest(served: ServedRegistry) -> None:
    client = served.client("vic")
    step_id = client.get(f"{API}/models/vision/digits/versions/2").json()["step"]
    answer = client.get(f"{API}/transfers/{step_id}")
    assert misfits(answer.json(), schema_of(StepDetail)) == []
    step = from_json(StepDetail, answer.json())
    assert len(step.curve) == 32
    assert step.manifest_digest is not None
    listed = client.get(f"{API}/transfers", params={"method": "fine_tuning", "output": "vision/digits"}).json()["items"]
    assert [one["id"] for one in listed] == [step_id]


def test_a_finished_step_is_neither_resumed_nor_cancelled(own_served: ServedRegistry) -> None:
    client = own_served.client("dev")
    step_id = client.get(f"{API}/models/vision/digits/versions/2").json()["step"]
    for verb in ("resume", "cancel"):
        assert problem(client.post(f"{API}/transfers/{step_id}/{verb}"))["code"] == "step-state"


def test_a_recipe_is_checked_with_lines_and_near_keys(served: ServedRegistry) -> None:
    client = served.client("dev")
    assert client.get(f"{API}/recipes/schema").json()["title"] == "Recipe"
    text = "schema: forebear/recipe/v1\noutput: vision/new\nmethod: fine_tuning\nsuorce: models:/vision/digits/1\n"
    body = problem(client.post(f"{API}/recipes/check", content=text))
    assert (body["status"], body["code"]) == (422, "bad-recipe")
    assert "Line 4" in body["detail"]
    assert "source" in body["detail"]


def test_datasets_are_searched_and_shown(served: ServedRegistry) -> None:
    client = served.client("vic")
    page = from_json(Page[DatasetSummary], client.get(f"{API}/datasets", params={"text": "digits"}).json())
    assert [str(one.name) for one in page.items] == ["vision/digits"]
    latest = from_json(DatasetVersionDetail, client.get(f"{API}/datasets/vision/digits").json())
    assert latest == from_json(DatasetVersionDetail, client.get(f"{API}/datasets/vision/digits/versions/1").json())
    assert problem(client.get(f"{API}/datasets/vision/digits/versions/7"))["status"] == 404
