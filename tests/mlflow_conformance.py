"""`make conformance`: every method of MLflow's stock registry client against a server of ours, and what each answers.

Then every error code that our routes of its registry give, and every branch of its language of searches.

The methods are those of the installed `RestStore`; one that is not called here makes the run fail, so that a newer
MLflow shows what it adds. MLflow's own suites run by `tests.mlflow_suites`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    yield "transition_model_version_stage", AS_MLFLOW, lambda s: moved(s, "Staging").current_stage == "Staging"
    yield "rename_registered_model", refused, lambda s: s.rename_registered_model(M, "vision.numbers")
    absent = "NOT_IMPLEMENTED"
    yield "create_registered_model", AS_MLFLOW, lambda s: s.create_registered_model("vision.new").latest_versions == []
    yield "create_model_version", AS_MLFLOW, lambda s: registered(s).version == "3"
    yield "copy_model_version", AS_MLFLOW, lambda s: copied(s).current_stage == "None"
    yield "create_webhook", absent, lambda s: s.create_webhook("a", "https://example.com", events)
    yield "get_webhook", absent, lambda s: s.get_webhook("1")
    yield "list_webhooks", absent, lambda s: s.list_webhooks()
    yield "update_webhook", absent, lambda s: s.update_webhook("1", name="b")
    yield "delete_webhook", absent, lambda s: s.delete_webhook("1")
    yield "test_webhook", absent, lambda s: s.test_webhook("1")


CODES: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("INVALID_PARAMETER_VALUE", "a name without a team", lambda s: s.get_registered_model("digits")),
    ("INVALID_PARAMETER_VALUE", "an alias that is not there", lambda s: s.get_model_version_by_alias(M, "none")),
    ("RESOURCE_DOES_NOT_EXIST", "a model that is not there", lambda s: s.get_registered_model("vision.none")),
    ("RESOURCE_DOES_NOT_EXIST", "a version that is not there", lambda s: s.get_model_version(M, "99")),
    ("RESOURCE_ALREADY_EXISTS", "a model that is there", lambda s: s.create_registered_model(M)),
    ("RESOURCE_CONFLICT", "deleting a version in use", lambda s: s.delete_model_version(M, V)),
    ("PERMISSION_DENIED", "files that nobody approved", lambda s: s.get_model_version_download_uri(M, "1")),
    ("PERMISSION_DENIED", "a stage that asks for approvals", lambda s: moved(s, "Production")),
    ("PERMISSION_DENIED", "a protected alias", lambda s: s.set_registered_model_alias(M, "production", V)),
    ("UNAUTHENTICATED", "a token that is not ours", lambda s: stranger(s).get_registered_model(M)),
    ("INVALID_PARAMETER_VALUE", "a new model without a team", lambda s: s.create_registered_model("digits")),
    ("NOT_IMPLEMENTED", "a prompt", lambda s: s.create_prompt("hello")),
    ("NOT_IMPLEMENTED", "a webhook", lambda s: s.list_webhooks()),
]
"""Error codes, each with what a client asks for that gets it."""
SEARCHES: list[tuple[str, str, int | str]] = [
    ("models", "", 5),
    ("models", "name = 'vision.digits'", 1),
    ("models", "name != 'vision.digits'", 4),
    ("models", "name LIKE 'vision.%'", 1),
    ("models", "name ILIKE 'VISION.%'", 1),
    ("models", "name IN ('vision.digits', 'library.lite0')", 2),
    ("models", "name NOT IN ('vision.digits')", 4),
    ("models", "attributes.name = 'vision.digits' AND tags.team = 'vision'", 1),
    ("models", "tags.team != 'text'", 1),
    ("models", "tags.`team` LIKE 'vis%'", 1),
    ("models", "tags.team ILIKE 'VIS%'", 1),
    ("models", "tags.`mlflow.prompt.is_prompt` = 'true'", 0),
    ("models", "name = 'a' OR name = 'b'", "INVALID_PARAMETER_VALUE"),
    ("models", "tags.team IN ('a')", "INVALID_PARAMETER_VALUE"),
    ("models", "name IS NULL", "INVALID_PARAMETER_VALUE"),
    ("models", "creation_timestamp > 1", "INVALID_PARAMETER_VALUE"),
    ("versions", "name = 'vision.digits'", 2),
    ("versions", "name = 'vision.digits' AND version_number = 2", 1),
    ("versions", "name = 'vision.digits' AND version_number != 2", 1),
    ("versions", "name = 'vision.digits' AND version_number < 2", 1),
    ("versions", "name = 'vision.digits' AND version_number <= 2", 2),
    ("versions", "name = 'vision.digits' AND version_number > 2", 0),
    ("versions", "name = 'vision.digits' AND version_number >= '2'", 1),
    ("versions", "name = 'vision.digits' AND run_id = 'r'", 0),
    ("versions", "name = 'vision.digits' AND run_id IN ('r', 's')", 0),
    ("versions", "source_path LIKE '%/vision.digits/1'", 1),
    ("versions", "source_path != 'x' AND name = 'vision.digits'", 2),
    ("versions", "name = 'vision.digits' AND tags.a = 'b'", 0),
    ("versions", "version_number LIKE '1'", "INVALID_PARAMETER_VALUE"),
    ("versions", "creation_timestamp > 1", "INVALID_PARAMETER_VALUE"),
    ("versions", "aliases = 'a'", "INVALID_PARAMETER_VALUE"),
    ("versions", "name = 'vision.digits", "INVALID_PARAMETER_VALUE"),
]
"""What is searched for, the filter, and how many are found, or the code of the refusal."""


def more_answers(home: Path) -> Iterator[tuple[str, int | str, int | str]]:
    """(what is asked, what it has to answer, what it answers) of every error code and every branch of the searches."""
    with stock_client(home) as store:
        for code, words, call in CODES:
            yield words, code, answered(store, call)
        for what, text, expected in SEARCHES:
            search = store.search_registered_models if what == "models" else store.search_model_versions
            found = counted(search, text)
            yield f"{what} where {text}" if text else f"all {what}", expected, found


def stranger(store: Any) -> Any:
    """The same client with a token that nobody has."""
    from mlflow.utils.rest_utils import MlflowHostCreds

    return type(store)(lambda: MlflowHostCreds(store.get_host_creds().host, token="fbr_nobody"))


def counted(search: Callable[[str], Any], text: str) -> int | str:
    """How many a filter finds, or the code of the error."""
    from mlflow.exceptions import MlflowException

    try:
        return len(search(text))
    except MlflowException as error:
        return str(error.error_code)


@contextmanager
def stock_client(home: Path) -> Iterator[Any]:
    """The installed `RestStore` on a filled registry, with an admin's token."""
    from mlflow.store.model_registry.rest_store import RestStore
    from mlflow.utils.credentials import get_default_host_creds

    served = serve_family(home)
    os.environ["MLFLOW_TRACKING_TOKEN"] = served.family.tokens["ana"]
    with listening(served.app) as address:
        yield RestStore(lambda: get_default_host_creds(address))


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


def moved(store: Any, stage: str) -> Any:
    """The first version, which asks for another stage."""
    return store.transition_model_version_stage(M, "1", stage, False)


def copied(store: Any) -> Any:
    """A copy of an approved version, under a name that is new."""
    return store.copy_model_version(store.get_model_version(M, V), "vision.copy")


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

    named = {name for name in vars(RestStore) if not name.startswith("_")}
    called = set()
    with stock_client(home) as store:
        for method, expected, call in cases():
            called.add(method)
            yield method, expected, answered(store, call)
    for method in sorted(named - called):
        yield method, "called here", "not called here"


def main() -> int:
    """Print the tables; 1 where anything answers something else than it has to."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for title, rows in (
            ("method of MLflow's client", run(Path(folder) / "home")),
            ("asked by MLflow's client", more_answers(Path(folder) / "other")),
        ):
            print(f"| {title} | answer |\n|---|---|")
            for asked, expected, answer in rows:  # a number: how many are found
                wrong += answer != expected
                print(f"| `{asked}` | {answer if answer == expected else f'**{answer}**, not {expected}'} |")
            print()
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
