"""Stock MLflow loads approved versions by alias, and gives the answers that transformers gives for the same files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import transformers
from PIL import Image

from adapters.transformers.models import quiet
from benchmarks.image_families import hub_folder
from benchmarks.material.tiny_texts import save_source
from benchmarks.text_families import WORDS
from registry.settings import Settings
from tests.journeys.pulling import Journey, journey
from tests.journeys.worlds import write_sentences
from tests.serving import app_over, listening

pytestmark = pytest.mark.journey

LOAD = """
import json, sys
import mlflow
pipeline = mlflow.transformers.load_model(f"models:/{sys.argv[1]}@candidate")
function = mlflow.pyfunc.load_model(f"models:/{sys.argv[1]}@candidate")
found = function.predict([sys.argv[2]])
found = found if isinstance(found, list) else found.to_dict("records")
print(json.dumps([pipeline.task, pipeline(sys.argv[2]), found], default=float))
"""
PICTURE = "picture.png"
KINDS = {
    "AutoModelForSequenceClassification": ("bert", "good day"),
    "AutoModelForTokenClassification": ("bert", "good day"),
    "AutoModelForMaskedLM": ("bert", "good [MASK]"),
    "AutoModelForCausalLM": ("gpt2", "good"),
    "AutoModelForImageClassification": ("resnet", PICTURE),
}
"""By the class: a family of small models, and what its model is asked."""
QUICK = "AutoModelForSequenceClassification"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    folder = tmp_path_factory.mktemp("mlflow")
    Image.new("RGB", (40, 40), (200, 10, 10)).save(folder / PICTURE)
    with journey(folder, write_sentences(folder), "text-classification") as found:
        yield found


def published(folder: Path, kind: str, family: str) -> Path:
    """A small model of a class, with what prepares its inputs."""
    base, whole = folder / f"base-{kind}", folder / kind
    with quiet():
        if family == "resnet":
            hub_folder(base, family)
        else:
            save_source(base, family, WORDS)
        config = transformers.AutoConfig.from_pretrained(base)
        getattr(transformers, kind).from_config(config).save_pretrained(whole)
    for name in ("tokenizer.json", "tokenizer_config.json", "preprocessor_config.json"):
        if (base / name).exists():
            shutil.copy(base / name, whole)
    return whole


def approve(registry: Journey, model: str) -> None:
    (registry.folder / "card.md").write_text("# Card\n", encoding="utf-8")
    registry.typed.ask("evidence", "add", model, "model_card", "--file", registry.folder / "card.md")
    registry.typed.ask("promote", "request", model, "--to", "candidate")
    registry.typed.ask("model", "alias", model, "candidate")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", [one if one == QUICK else pytest.param(one, marks=pytest.mark.slow) for one in KINDS])
def test_mlflow_loads_an_approved_version_by_alias_and_it_answers_as_with_transformers(
    registry: Journey, kind: str
) -> None:
    family, question = KINDS[kind]
    name = kind.lower()
    registry.imported(name, published(registry.folder, kind, family))
    approve(registry, f"models:/library/{name}/1")
    token = registry.typed.ask("token", "create", "ana", "--label", name)["secret"]
    kept = {one: os.environ[one] for one in ("PATH", "LANG") if one in os.environ}
    own = {"HOME": str(registry.folder), "HF_HUB_OFFLINE": "1", "MLFLOW_TRACKING_TOKEN": token}
    with listening(app_over(registry.typed.home, Settings(home=registry.typed.home, mlflow_uri="off"))) as address:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", LOAD, f"library.{name}", question],
            env=kept | own | {"MLFLOW_REGISTRY_URI": address},
            cwd=registry.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    task, answers, predicted = json.loads(done.stdout.splitlines()[-1])
    assert predicted
    asked = str(registry.folder / PICTURE) if question == PICTURE else question
    pulled = registry.folder / f"pulled-{kind}"
    registry.typed.ask("model", "pull", f"models:/library/{name}/1", "--to", pulled)
    with quiet():
        expected = transformers.pipeline(task, model=str(pulled))(asked)
    if task == "text-generation":  # draws words at random
        assert str(answers[0]["generated_text"]).startswith(question)
    else:
        assert json.loads(json.dumps(expected, default=float)) == json.loads(json.dumps(answers))
