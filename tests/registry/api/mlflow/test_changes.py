"""MLflow's protocol: an unmodified client changes what the rules allow, and is told why it may not change the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from registry.api.mlflow.showing import RUN_ID
from registry.domain.catalog.models import Status
from registry.domain.names import AssetKind, Name, Reference
from tests.serving import ServedRegistry, listening

API = "/api/2.0/mlflow"


@contextmanager
def store_of(served: ServedRegistry, handle: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The registry as an unmodified client of `handle` has it."""
    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", served.family.tokens[handle])
    with listening(served.app) as address:
        yield RestStore(lambda: get_default_host_creds(address))


def test_an_unmodified_client_sets_tags_aliases_and_descriptions(
    own_served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag

    with store_of(own_served, "dev", monkeypatch) as store:
        store.set_registered_model_tag("vision.digits", RegisteredModelTag("owner", "ana"))
        store.delete_registered_model_tag("vision.digits", "team")
        assert store.update_registered_model("vision.digits", "Other words").description == "Other words"
        assert store.get_registered_model("vision.digits").tags == {"owner": "ana"}
        store.set_model_version_tag("vision.digits", 2, ModelVersionTag(RUN_ID, "r1"))
        assert [one.version for one in store.search_model_versions("run_id = 'r1'")] == ["2"]
        store.delete_model_version_tag("vision.digits", "2", RUN_ID)
        assert store.update_model_version("vision.digits", "2", "# New\n").description == "# New\n"
        store.set_registered_model_alias("vision.digits", "blue", "2")
        assert store.get_model_version_by_alias("vision.digits", "blue").version == "2"
        store.delete_registered_model_alias("vision.digits", "blue")
        store.delete_registered_model_alias("vision.digits", "blue")
        assert "blue" not in store.get_registered_model("vision.digits").aliases
        assert store.transition_model_version_stage("vision.digits", "2", "staging", False).current_stage == "Staging"
    with store_of(own_served, "ana", monkeypatch) as store:
        store.delete_registered_model_alias("vision.digits", "champion")
        store.delete_model_version("edge.digits-small", "1")
        store.delete_registered_model("edge.digits-small")
        assert store.search_registered_models("name = 'edge.digits-small'") == []


REFUSED: list[tuple[str, str, Any, tuple[int, str]]] = [
    ("POST", "registered-models/create", {"name": "vision.digits"}, (400, "RESOURCE_ALREADY_EXISTS")),
    ("POST", "registered-models/create", {"name": "digits"}, (400, "INVALID_PARAMETER_VALUE")),
    (
        *("POST", "registered-models/create"),
        {"name": "a.b", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]},
        (501, "NOT_IMPLEMENTED"),
    ),
    ("POST", "model-versions/create", {"name": "vision.digits", "source": "s3://x"}, (400, "INVALID_PARAMETER_VALUE")),
    ("POST", "model-versions/create", {"name": "vision.digits"}, (400, "INVALID_PARAMETER_VALUE")),
    ("POST", "registered-models/rename", {"name": "vision.digits", "new_name": "a.b"}, (403, "PERMISSION_DENIED")),
    ("PATCH", "registered-models/update", {"name": "vision.none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
    (
        *("POST", "registered-models/set-tag"),
        {"name": "vision.digits", "key": "mlflow.prompt.is_prompt", "value": "true"},
        (501, "NOT_IMPLEMENTED"),
    ),
    (
        "POST",
        "registered-models/set-tag",
        {"name": "vision.digits", "key": "a|b"},
        (400, "INVALID_PARAMETER_VALUE"),
    ),
    (
        *("POST", "registered-models/alias"),
        {"name": "vision.digits", "alias": "production", "version": 2},
        (403, "PERMISSION_DENIED"),
    ),
    (
        *("POST", "registered-models/alias"),
        {"name": "vision.digits", "alias": "UP", "version": 2},
        (400, "INVALID_PARAMETER_VALUE"),
    ),
    ("DELETE", "model-versions/delete", {"name": "vision.digits", "version": "2"}, (409, "RESOURCE_CONFLICT")),
    ("DELETE", "registered-models/delete", {"name": "vision.none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
    (
        *("POST", "model-versions/transition-stage"),
        {"name": "vision.digits", "version": "2", "stage": "Up"},
        (400, "INVALID_PARAMETER_VALUE"),
    ),
    (
        *("POST", "model-versions/transition-stage"),
        {"name": "vision.digits", "version": "2", "stage": "Archived", "archive_existing_versions": True},
        (400, "INVALID_PARAMETER_VALUE"),
    ),
    (
        *("POST", "registered-models/alias"),
        {"name": "vision.digits", "alias": "latest", "version": 2},
        (400, "INVALID_PARAMETER_VALUE"),
    ),
    ("POST", "webhooks", {"name": "x"}, (501, "NOT_IMPLEMENTED")),
    ("GET", "webhooks", {}, (501, "NOT_IMPLEMENTED")),
    ("PATCH", "webhooks/1", {}, (501, "NOT_IMPLEMENTED")),
    ("POST", "webhooks/1/test", {}, (501, "NOT_IMPLEMENTED")),
    ("POST", "registered-models/set-tag", [1], (400, "INVALID_PARAMETER_VALUE")),
    ("POST", "registered-models/set-tag", {"name": {}}, (400, "INVALID_PARAMETER_VALUE")),
]


def test_what_is_refused_has_the_code_that_clients_know_and_changes_nothing(served: ServedRegistry) -> None:
    ana = served.client("ana")
    before = ana.get("/api/v1/audit/verify").json()["head"]
    for method, path, body, told in REFUSED:
        answer = ana.request(method, f"{API}/{path}", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == told, (path, body, answer.text)
    assert ana.get("/api/v1/audit/verify").json()["head"] == before


def test_a_stage_moves_where_the_policy_asks_for_nothing_and_else_the_refusal_says_what_is_missing(
    own_served: ServedRegistry,
) -> None:
    client, route = own_served.client("dev"), f"{API}/model-versions/transition-stage"
    body = {"name": "vision.digits", "version": "1", "stage": "Staging"}
    answer = client.post(route, json=body | {"stage": "Production"})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert "forebear promote request" in answer.json()["message"]
    assert own_served.client("vic").post(route, json=body).status_code == 403
    moved = client.post(route, json=body)
    assert (moved.status_code, moved.json()["model_version"]["current_stage"]) == (200, "Staging"), moved.text
    exact = Reference(AssetKind.MODELS, Name("vision", "digits"), 1)
    made = own_served.family.registry("vic").promotions.requests(reference=exact).items
    assert [(one.to_stage, one.state, one.requested_by) for one in made] == [("candidate", "promoted", "dev")]
    refused = client.post(route, json=body | {"stage": "Production"})
    assert refused.status_code == 403, "a version does not reach production past the stages between"


def test_archived_is_a_status_from_which_a_version_comes_back_to_its_own_stage(own_served: ServedRegistry) -> None:
    client, route = own_served.client("dev"), f"{API}/model-versions/transition-stage"
    body = {"name": "vision.digits", "version": "1"}
    exact = Reference(AssetKind.MODELS, Name("vision", "digits"), 1)
    dev = own_served.family.registry("dev")

    def ask(stage: str, **more: object) -> tuple[int, str]:
        answer = client.post(route, json=body | {"stage": stage} | more)
        shown = answer.json()
        return answer.status_code, shown["model_version"]["current_stage"] if answer.is_success else shown["message"]

    assert "still named by champion" in ask("Archived")[1]
    dev.catalog.drop_alias(exact.name, "champion")
    assert ask("archived") == (200, "Archived")
    assert dev.catalog.version(exact).summary.status is Status.ARCHIVED
    assert ask("Archived") == (200, "Archived")
    status, told = ask("Staging")
    assert (status, "Bring it back to None first" in told) == (409, True)
    assert ask("None") == (200, "None")
    assert dev.catalog.version(exact).summary.status is Status.ACTIVE
    status, told = ask("Archived", archive_existing_versions=True)
    assert (status, "because 'Archived' is not an Active stage" in told) == (400, True)
    assert "Value must be one of None, Staging, Production, Archived" in ask("Up")[1]
    assert own_served.client("vic").post(route, json=body | {"stage": "Archived"}).status_code == 403


def test_who_moves_to_a_stage_can_archive_what_is_there_unless_an_alias_names_it(own_served: ServedRegistry) -> None:
    client, route = own_served.client("dev"), f"{API}/model-versions/transition-stage"
    body = {"name": "vision.digits", "version": "1", "stage": "Staging", "archive_existing_versions": True}
    dev, name = own_served.family.registry("dev"), Name("vision", "digits")
    first, second = (Reference(AssetKind.MODELS, name, number) for number in (1, 2))
    refused = client.post(route, json=body)
    assert (refused.status_code, refused.json()["error_code"]) == (409, "RESOURCE_CONFLICT")
    assert "named by candidate" in refused.json()["message"]
    assert dev.catalog.version(first).summary.stage == "registered"
    dev.catalog.drop_alias(name, "candidate")
    assert client.post(route, json=body).json()["model_version"]["current_stage"] == "Staging"
    assert dev.catalog.version(second).summary.status is Status.ARCHIVED


CHANGES: list[tuple[str, str, dict[str, str]]] = [
    ("POST", "registered-models/create", {"name": "vision.new"}),
    ("POST", "model-versions/create", {"name": "vision.digits", "source": "s3://x"}),
    ("PATCH", "registered-models/update", {"name": "vision.digits", "description": "x"}),
    ("POST", "registered-models/rename", {"name": "vision.digits", "new_name": "vision.numbers"}),
    ("PATCH", "model-versions/update", {"name": "vision.digits", "version": "2", "description": "x"}),
    ("POST", "registered-models/set-tag", {"name": "vision.digits", "key": "a", "value": "b"}),
    ("POST", "model-versions/set-tag", {"name": "vision.digits", "version": "2", "key": "a", "value": "b"}),
    ("DELETE", "registered-models/delete-tag", {"name": "vision.digits", "key": "team"}),
    ("DELETE", "model-versions/delete-tag", {"name": "vision.digits", "version": "2", "key": "a"}),
    ("POST", "registered-models/alias", {"name": "vision.digits", "alias": "blue", "version": "2"}),
    ("DELETE", "registered-models/alias", {"name": "vision.digits", "alias": "champion"}),
    ("DELETE", "model-versions/delete", {"name": "vision.digits", "version": "2"}),
    ("DELETE", "registered-models/delete", {"name": "vision.digits"}),
]


def test_who_may_only_read_changes_nothing(served: ServedRegistry) -> None:
    vic = served.client("vic")
    for method, path, body in CHANGES:
        answer = vic.request(method, f"{API}/{path}", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED"), (path, answer.text)
