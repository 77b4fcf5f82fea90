"""MLflow's protocol: a stock client registers what its tracking server has, where the settings name that server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from registry.domain.names import Reference
from tests.hubs import running
from tests.importing import importing_here
from tests.listening import HOST
from tests.registry.api.mlflow.test_changes import store_of
from tests.registry.api.mlflow.test_registering import SAID, create
from tests.serving import ServedRegistry, app_over
from tests.tracking_servers import ARTIFACTS, MODEL, OF_MODEL, OF_RUN, RUN, FakeTracking

FILES = {
    "MLmodel": b"flavors: {python_function: {loader_module: x}}",
    "model.safetensors": save({"0.weight": np.ones((2, 2), np.float32)}),
}


@contextmanager
def asking(served: ServedRegistry, *servers: str) -> Iterator[ServedRegistry]:
    """The same registry, which may fetch from these tracking servers."""
    settings = replace(served.family.settings, tracking_urls=servers, tracking_private_hosts=(HOST,))
    yield replace(served, app=app_over(served.family.home, settings))


def of_both() -> FakeTracking:
    return FakeTracking(
        {f"{root}/{path}": body for root in (f"{OF_RUN}/model", OF_MODEL) for path, body in FILES.items()}
    )


def test_an_unmodified_client_registers_a_run_and_a_logged_model_of_its_tracking_server(
    own_served: ServedRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.entities.model_registry import ModelVersionTag

    tags = [ModelVersionTag(key, value) for key, value in SAID.items()]
    with (
        running(of_both()) as server,
        asking(own_served, server.url) as served,
        store_of(served, "dev", monkeypatch) as store,
        importing_here(),
    ):
        of_run = store.create_model_version("vision.sent", f"mlflow-artifacts:/{OF_RUN}/model", RUN, tags)
        logged = store.create_model_version("vision.logged", f"models:/{MODEL}", RUN, tags, model_id=MODEL)
    assert (of_run.version, of_run.status, of_run.run_id, of_run.current_stage) == ("1", "READY", RUN, "None")
    assert logged.tags.get("licence") is None
    catalog, transfers = own_served.family.system.catalog, own_served.family.system.transfers
    sent, other = (catalog.version(Reference.parse(f"models:/vision/{name}/1")) for name in ("sent", "logged"))
    assert sent.model.origin == f"mlflow:{server.place}/runs/{RUN}/model"
    assert other.model.origin == f"mlflow:{server.place}/runs/{RUN}/models/{MODEL}"
    assert [one.path for one in sent.files if one.path.endswith(".safetensors")] == ["model.safetensors"]
    assert sent.summary.created_by == "dev"
    manifest: Any = transfers.step(sent.step).manifest
    assert manifest["facts"]["tracking"]["metrics"] == {"accuracy": 0.9}


def refused(served: ServedRegistry, source: str, **more: Any) -> tuple[int, str, str]:
    status, code, message = create(served, source, **more)
    catalog = served.client("dev").get("/api/2.0/mlflow/registered-models/get?name=vision.sent")
    assert catalog.status_code == 404, "something was registered"
    return status, code, message


def test_another_server_another_run_and_whoever_may_not_contribute_are_refused(own_served: ServedRegistry) -> None:
    with running(of_both()) as server, asking(own_served, server.url) as served:
        elsewhere = f"http://elsewhere.example{ARTIFACTS}/{OF_RUN}/model"
        assert refused(served, elsewhere)[:2] == (403, "PERMISSION_DENIED")
        own = f"http://testserver{ARTIFACTS}/{OF_RUN}/model"
        assert refused(served, own)[:2] == (403, "PERMISSION_DENIED")
        assert refused(served, f"models:/{MODEL}", handle="vic")[:2] == (403, "PERMISSION_DENIED")
        assert server.asked == []
        server.model = {"source_run_id": "0" * 32}
        status, _, message = refused(served, f"models:/{MODEL}", run_id=RUN)
        assert (status, "was logged by the run 0000" in message) == (400, True)


def test_of_several_servers_a_tag_says_which(own_served: ServedRegistry, tmp_path: Path) -> None:
    with running(of_both()) as one, running(of_both()) as other:
        with asking(own_served, one.url, other.url) as served:
            status, _, message = refused(served, f"models:/{MODEL}")
            assert (status, f"{one.place}, {other.place}" in message) == (400, True)
            tags = [{"key": key, "value": value} for key, value in (SAID | {"tracking_server": other.place}).items()]
            with importing_here():
                status, _, message = create(served, f"models:/{MODEL}", tags=tags)
        assert status == 200, message
        assert one.asked == []
        assert other.asked != []


def test_without_a_server_in_the_settings_the_message_says_who_can_change_that(own_served: ServedRegistry) -> None:
    status, code, message = refused(own_served, f"models:/{MODEL}")
    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "FOREBEAR_TRACKING_URLS" in message
