"""A stock client logs models on a stock `mlflow server` and registers them here, where nobody has approved them yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
import transformers

from adapters.transformers.models import quiet
from benchmarks.material.tiny_texts import save_source
from benchmarks.serving import running
from benchmarks.text_families import WORDS
from registry.settings import Settings
from tests.journeys.documented import SERVER, TRACKING, block
from tests.journeys.pulling import Journey, journey
from tests.journeys.worlds import write_sentences
from tests.listening import HOST
from tests.serving import app_over, listening

pytestmark = [pytest.mark.journey, pytest.mark.slow]

LOG = """
import json, sys
import mlflow, transformers
mlflow.set_experiment("texts")
tags = {"licence": "CC0-1.0"}
with mlflow.start_run() as run:
    mlflow.log_param("lr", 0.1)
    mlflow.log_metric("accuracy", 0.75)
    pipeline = transformers.pipeline("text-classification", model=sys.argv[1])
    whole = mlflow.transformers.log_model(pipeline, name="whole", pip_requirements=["transformers"])
    mlflow.log_artifacts(sys.argv[1], "plain")
    function = lambda model_input: model_input
    pickled = mlflow.pyfunc.log_model(name="pickled", python_model=function, pip_requirements=["mlflow"])
made = mlflow.register_model(f"runs:/{run.info.run_id}/whole", "library.whole", tags=tags)
again = mlflow.register_model(whole.model_uri, "library.again", tags=tags)
exec(sys.argv[2].replace(sys.argv[3], run.info.run_id + "/whole"))
try:
    mlflow.register_model(pickled.model_uri, "library.pickled", tags=tags | {"task": "x"})
    refusal = ""
except mlflow.MlflowException as error:
    refusal = str(error)
said = [made.version, made.status, made.run_id, again.version, again.current_stage]
try:
    mlflow.artifacts.download_artifacts("models:/library.whole/1")
    downloaded = ""
except mlflow.MlflowException as error:
    downloaded = str(error)
ids = {"run": run.info.run_id, "model": whole.model_id}
print(json.dumps({"said": said, **ids, "refusal": refusal, "kept": downloaded}))
"""


RUN = "1f0c9d6b4e3a4b7f8c2d5e6f7a8b9c0d/model"
"""The run of the page, and its model."""


def lines_of_the_page(tracking: str, registry: str) -> str:
    """What docs/connecting.md says, with these addresses and a name and a licence of this test."""
    text = block(TRACKING)
    for theirs, own in (
        ("https://mlflow.example.com", tracking),
        (SERVER, registry),
        ("vision.digits", "library.documented"),
        ("MIT", "CC0-1.0"),
    ):
        assert theirs in text
        text = text.replace(theirs, own)
    assert RUN in text
    return text


@dataclass(frozen=True)
class Logged:
    """What the client said, the address of its tracking server, and the registry."""

    told: dict[str, Any]
    server: str
    registry: Journey
    environment: dict[str, str]


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    folder = tmp_path_factory.mktemp("tracking")
    base, whole = folder / "base", folder / "whole"
    with quiet():
        save_source(base, "bert", WORDS)
        config = transformers.AutoConfig.from_pretrained(base)
        transformers.AutoModelForSequenceClassification.from_config(config).save_pretrained(whole)
        transformers.AutoTokenizer.from_pretrained(base).save_pretrained(whole)
    store = ("--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "art"))
    with (
        journey(folder, write_sentences(folder), "text-classification") as registry,
        running("mlflow server", ["mlflow", "server", *store, "--workers", "1"], {}, {}) as server,
    ):
        url = f"http://{HOST}:{server.port}"
        home, token = registry.typed.home, registry.typed.ask("token", "create", "ana", "--label", "t")["secret"]
        allowed = {"FOREBEAR_TRACKING_URLS": url, "FOREBEAR_TRACKING_PRIVATE_HOSTS": HOST}
        settings = Settings.from_environment({"FOREBEAR_HOME": str(home), "FOREBEAR_MLFLOW_URI": "off"} | allowed)
        kept = {one: os.environ[one] for one in ("PATH", "LANG", "PYTHONPATH") if one in os.environ}
        own = {
            "HOME": str(folder),
            "HF_HUB_OFFLINE": "1",
            "MLFLOW_TRACKING_TOKEN": token,
            "GIT_PYTHON_REFRESH": "quiet",
        }
        with listening(app_over(home, settings)) as address:
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", LOG, str(whole), lines_of_the_page(url, address), RUN],
                env=kept | own | {"MLFLOW_TRACKING_URI": url, "MLFLOW_REGISTRY_URI": address},
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=280,
                check=False,
            )
        assert done.returncode == 0, done.stderr[-3000:]
        yield Logged(json.loads(done.stdout.splitlines()[-1]), url, registry, allowed)


def test_a_run_and_a_logged_model_become_versions_with_their_run_and_no_approval(logged: Logged) -> None:
    told, ask = logged.told, logged.registry.typed.ask
    assert told["said"] == ["1", "READY", told["run"], "1", "None"]
    assert "nobody has approved it" in told["kept"]
    whole, again = (ask("model", "show", f"models:/library/{name}/1") for name in ("whole", "again"))
    place = urlsplit(logged.server).netloc
    assert whole["model"]["origin"] == f"mlflow:{place}/runs/{told['run']}/models/{told['model']}"
    assert again["model"]["origin"] == f"mlflow:{place}/models/{told['model']}"
    documented = ask("model", "show", "models:/library/documented/1")
    assert whole["summary"]["digest"] == again["summary"]["digest"] == documented["summary"]["digest"]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {one["path"] for one in whole["files"]}


def test_the_provenance_says_the_server_the_run_and_what_it_measured(logged: Logged) -> None:
    ask = logged.registry.typed.ask
    step = ask("transfer", "show", ask("model", "show", "models:/library/whole/1")["step"])
    assert step["manifest"]["facts"]["tracking"] == {
        "server": logged.server,
        "run": logged.told["run"],
        "model": logged.told["model"],
        "path": step["manifest"]["facts"]["tracking"]["path"],
        "parameters": {"lr": "0.1"},
        "metrics": {"accuracy": 0.75},
    }


def test_a_model_in_a_pickle_is_refused(logged: Logged) -> None:
    assert "pickle" in logged.told["refusal"]


def test_the_command_line_imports_a_folder_of_the_run_and_a_logged_model_by_its_name(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in logged.environment.items():
        monkeypatch.setenv(name, value)
    ask, run = logged.registry.typed.ask, f"mlflow:{urlsplit(logged.server).netloc}/runs/{logged.told['run']}"
    plain = ask("model", "import", "library/plain", f"{run}/plain", "--licence", "CC0-1.0")
    named = ask("model", "import", "library/named", f"{run}/whole", "--licence", "CC0-1.0")
    assert plain["model"]["origin"] == f"{run}/plain"
    assert named["model"]["origin"] == f"{run}/models/{logged.told['model']}"
