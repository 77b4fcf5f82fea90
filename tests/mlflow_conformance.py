"""`make conformance`: every method of MLflow's stock registry client against a server of ours, and what each answers.

The methods are those of the installed `RestStore`; one that is not called here makes the run fail, so that a newer
MLflow shows what it adds. Nothing of MLflow's own tests is used: their names of models have no team, which ours need.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.serving import listening, serve_family

M, V = "vision.digits", "2"
AS_MLFLOW = "as in MLflow"
Case = tuple[str, str, Callable[[Any], Any]]
"""A method of `RestStore`, what it has to answer (or an error code), and the call."""


def cases() -> Iterator[Case]:
    """Every method, in an order in which later calls find what earlier ones left."""
    from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
    from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

    events = [WebhookEvent(WebhookEntity.MODEL_VERSION, WebhookAction.CREATED)]
    yield "get_registered_model", AS_MLFLOW, lambda s: s.get_registered_model(M).name == M
    yield "search_registered_models", AS_MLFLOW, lambda s: s.search_registered_models("name LIKE 'vis%'")[0].name == M
    yield "get_latest_versions", AS_MLFLOW, lambda s: len(s.get_latest_versions(M)) == 2
    yield "set_registered_model_tag", AS_MLFLOW, lambda s: s.set_registered_model_tag(M, RegisteredModelTag("a", "b"))
    yield "delete_registered_model_tag", AS_MLFLOW, lambda s: s.delete_registered_model_tag(M, "a")
    yield "update_registered_model", AS_MLFLOW, lambda s: s.update_registered_model(M, "x").description == "x"
    yield "get_model_version", AS_MLFLOW, lambda s: s.get_model_version(M, V).version == V
    yield "search_model_versions", AS_MLFLOW, lambda s: len(s.search_model_versions(f"name = '{M}'")) == 2
    yield "get_model_version_download_uri", AS_MLFLOW, lambda s: s.get_model_version_download_uri(M, V)[:4] == "http"
    yield "set_model_version_tag", AS_MLFLOW, lambda s: s.set_model_version_tag(M, V, ModelVersionTag("a", "b"))
    yield "delete_model_version_tag", AS_MLFLOW, lambda s: s.delete_model_version_tag(M, V, "a")
    yield "update_model_version", AS_MLFLOW, lambda s: s.update_model_version(M, V, "# x\n").description == "# x\n"
    yield "set_registered_model_alias", AS_MLFLOW, lambda s: s.set_registered_model_alias(M, "blue", V)
    yield "get_model_version_by_alias", AS_MLFLOW, lambda s: s.get_model_version_by_alias(M, "blue").version == V
    yield "delete_registered_model_alias", AS_MLFLOW, lambda s: s.delete_registered_model_alias(M, "blue")
    yield "delete_model_version", AS_MLFLOW, lambda s: s.delete_model_version("edge.digits-small", "1")
    yield "delete_registered_model", AS_MLFLOW, lambda s: s.delete_registered_model("edge.digits-small")
    refused = "PERMISSION_DENIED"
    yield (
        "transition_model_version_stage",
        refused,
        lambda s: s.transition_model_version_stage(M, "1", "Staging", False),
    )
    yield "rename_registered_model", refused, lambda s: s.rename_registered_model(M, "vision.numbers")
    absent = "NOT_IMPLEMENTED"
    yield "create_registered_model", absent, lambda s: s.create_registered_model("vision.new")
    yield "create_model_version", AS_MLFLOW, lambda s: registered(s).version == "3"
    yield "copy_model_version", absent, lambda s: s.copy_model_version(s.get_model_version(M, V), "vision.copy")
    yield "create_webhook", absent, lambda s: s.create_webhook("a", "https://example.com", events)
    yield "get_webhook", absent, lambda s: s.get_webhook("1")
    yield "list_webhooks", absent, lambda s: s.list_webhooks()
    yield "update_webhook", absent, lambda s: s.update_webhook("1", name="b")
    yield "delete_webhook", absent, lambda s: s.delete_webhook("1")
    yield "test_webhook", absent, lambda s: s.test_webhook("1")


def registered(store: Any) -> Any:
    """A version from files that MLflow's own client uploads."""
    import numpy as np
    from mlflow.entities.model_registry import ModelVersionTag
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
    from safetensors.numpy import save_file

    source = f"{store.get_host_creds().host}/api/2.0/mlflow-artifacts/artifacts/uploads/conformance"
    with tempfile.TemporaryDirectory() as folder:
        save_file({"0.weight": np.ones((2, 2), np.float32)}, f"{folder}/model.safetensors")
        HttpArtifactRepository(source).log_artifacts(folder)
    said = {"licence": "MIT", "task": "image-classification", "modality": "image", "architecture": "generic"}
    return store.create_model_version(M, source, tags=[ModelVersionTag(key, value) for key, value in said.items()])


def answered(store: Any, call: Callable[[Any], Any]) -> str:
    """What a call answers: as MLflow does, another value, or the code of an error."""
    from mlflow.exceptions import MlflowException

    try:
        value = call(store)
    except MlflowException as error:
        return str(error.error_code)
    return AS_MLFLOW if value is None or value is True else f"another answer: {value!r:.80}"


def run(home: Path) -> Iterator[tuple[str, str, str]]:
    """(method, what it has to answer, what it answers) of every method of the installed client."""
    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    served = serve_family(home)
    os.environ["MLFLOW_TRACKING_TOKEN"] = served.family.tokens["ana"]
    named = {name for name in vars(RestStore) if not name.startswith("_")}
    called = set()
    with listening(served.app) as address:
        store = RestStore(lambda: get_default_host_creds(address))
        for method, expected, call in cases():
            called.add(method)
            yield method, expected, answered(store, call)
    for method in sorted(named - called):
        yield method, "called here", "not called here"


def main() -> int:
    """Print the table; 1 where a method answers something else than it has to."""
    wrong = 0
    print("| method of MLflow's client | answer |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for method, expected, answer in run(Path(folder) / "home"):
            right = answer == expected
            wrong += not right
            print(f"| `{method}` | {answer if right else f'**{answer}**, not {expected}'} |")
    print(f"\n{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
