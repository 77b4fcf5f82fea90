"""A server with its own folder, and a person elsewhere with none: everything is done from there, by the usual tools.

A model is brought and transferred by the remote command line, approved, and read by `forebear` as a command and in
Python, `hf`, `transformers`, `sentence-transformers`, `timm` and MLflow, each by the lines of docs/connecting.md. A
recall at the end reaches every one of them, also where a copy lies in a cache.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.transformers.models import quiet
from benchmarks.material.tiny_texts import save_source
from benchmarks.text_families import WORDS
from tests import with_timm
from tests.journeys import timm_models
from tests.journeys.documented import paste, scripts
from tests.journeys.running import furnished, serving
from tests.journeys.worlds import write_recipe, write_sentences

pytestmark = pytest.mark.journey

MODEL, BASE, PICTURES = "text/fruit", "library/bert", "library/pictures"
RECIPE = f"""\
schema: forebear/recipe/v1
output: {MODEL}
method: fine_tuning
source: models:/{BASE}/1
data: {{train: datasets:/data/fruit/1}}
epochs: 1
"""
TOOLS = {
    "forebear": ("-m", "registry.cli", "model", "pull", f"{MODEL}@candidate", "{new}"),
    "python": (
        "-c",
        f"import forebear, sys; forebear.connect().version('{MODEL}@candidate').pull(sys.argv[1])",
        "{new}",
    ),
    "hf": ("-m", "huggingface_hub.cli.hf", "download", MODEL, "--revision", "candidate"),
    "transformers": (
        "-c",
        "import transformers; "
        f"transformers.AutoModelForSequenceClassification.from_pretrained('{MODEL}', revision='candidate')",
    ),
    "sentence-transformers": (
        "-c",
        "from sentence_transformers import SentenceTransformer; "
        f"assert SentenceTransformer('{BASE}', revision='candidate').encode(['good day']).shape[0] == 1",
    ),
    "mlflow": (
        "-m", "mlflow", "artifacts", "download", "--artifact-uri", f"models:/{MODEL.replace('/', '.')}@candidate",
        "--dst-path", "{new}",
    ),
}  # fmt: skip
"""By the tool, what Python is given to run; `{new}` is a folder that is not there yet."""
NAMES = {
    "text/reviews --alias": "text/sent --alias", "create text/reviews": "create text/sent",
    "upload text/reviews": "upload text/sent", "text/reviews": MODEL, "hf-hub:vision/digits": f"hf-hub:{PICTURES}",
    "vision/digits": MODEL,
    "vision.digits": "text.uploaded", "models:/text.uploaded@": f"models:/{MODEL.replace('/', '.')}@",
    "/teams/vision": f"/teams/{MODEL.partition('/')[0]}", "_model('digits')": f"_model('{MODEL.partition('/')[2]}')",
    "library/minilm": BASE, "library.lite0": BASE.replace("/", "."), "production": "candidate",
}  # fmt: skip
"""What is in this registry, for the names on the page."""
OWN = ("forebear", "python")
"""They give out what nobody has approved yet, and say its stage; the tools of others do not show it."""
SAY_WHY = (*OWN, "mlflow")
"""They print the reason of a refusal."""


@dataclass
class Elsewhere:
    """A machine that has no registry folder: it knows an address and a token."""

    folder: Path
    environment: dict[str, str]
    runs: int = 0

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.runs += 1
        filled = [word.replace("{new}", str(self.folder / f"new-{self.runs}")) for word in words]
        return subprocess.run(
            [sys.executable, "-W", "ignore", *filled],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def ask(self, *words: str, token: str | None = None) -> object:
        """What a command of `forebear` answers; it must succeed."""
        said = Elsewhere(self.folder, self.environment | ({"FOREBEAR_TOKEN": token} if token else {}))
        done = said.run("-m", "registry.cli", *words, "--output", "json")
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a server on a machine of its own, and the token of each person."""
    tokens = furnished(tmp_path / "server" / "home")
    with serving(tmp_path / "server" / "home", with_timm.environment()) as address:
        yield address, tokens


def elsewhere(folder: Path, address: str, token: str) -> Elsewhere:
    folder.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    clients = {
        "HF_ENDPOINT": address, "HF_TOKEN": token, "HF_HUB_DISABLE_TELEMETRY": "1", "MLFLOW_REGISTRY_URI": address,
        "MLFLOW_TRACKING_TOKEN": token, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    return Elsewhere(folder, kept | clients | {"HOME": str(folder), "FOREBEAR_URL": address, "FOREBEAR_TOKEN": token})


def brought(here: Elsewhere) -> list[float]:
    """Pretrained models and data go to the server, and a step runs there. Gives the scores of the model of timm."""
    scores = timm_models.published(here.folder / "pictures")
    pictures = ("--task", "image-classification", "--modality", "image", "--licence", "MIT", "--origin", "made up")
    here.ask("model", "import", PICTURES, str(here.folder / "pictures"), *pictures)
    with quiet():
        save_source(here.folder / "published", "bert", WORDS)
    about = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT", "--origin", "made up")
    here.ask("model", "import", BASE, str(here.folder / "published"), *about)
    data = ("--task", "text-classification", "--licence", "CC0-1.0", "--origin", "made up")
    here.ask("dataset", "add", "data/fruit", str(write_sentences(here.folder)), *data)
    here.ask("transfer", "run", str(write_recipe(here.folder, RECIPE)))
    return scores


def approved(here: Elsewhere, ref: str) -> None:
    card = here.folder / "card.md"
    card.write_text("# Card\n", encoding="utf-8")
    here.ask("evidence", "add", ref, "model_card", "--file", str(card))
    here.ask("promote", "request", ref, "--to", "candidate")


def as_documented(here: Elsewhere, address: str, token: str) -> None:
    """Every tool reads what is approved, and some write, by the very lines of docs/connecting.md."""
    folder = here.folder / "pasted"
    folder.mkdir()
    (folder / "token.txt").write_text(token)
    shutil.copytree(here.folder / "published", folder / "reviews")
    (folder / "reviews" / "README.md").write_text("---\nlicense: mit\npipeline_tag: feature-extraction\n---\n# Sent\n")
    own = {"HF_ENDPOINT", "HF_TOKEN", "FOREBEAR_URL"}
    environment = {name: value for name, value in here.environment.items() if name not in own}
    ran = 0
    for script in scripts(address, token, NAMES):
        signs_in = script.startswith("forebear login")
        around = {name: value for name, value in environment.items() if not (signs_in and name == "FOREBEAR_TOKEN")}
        shutil.rmtree(folder / "digits", ignore_errors=True)
        if "log_artifacts" in script:
            shutil.copytree(here.folder / "published", folder / "digits")
        if "hf repos create" in script:
            around |= {"HF_ENDPOINT": address, "HF_TOKEN": token, "FOREBEAR_URL": address}
        if "import timm" in script:
            around |= {"HF_ENDPOINT": address, "HF_TOKEN": token, **with_timm.environment()}
        paste(script, folder, around)
        ran += 1
    assert ran > 6, "the page has fewer blocks than tools"


@pytest.mark.timeout(900)
def test_a_team_works_from_elsewhere_with_its_own_tools_and_a_recall_reaches_each_of_them(
    tmp_path: Path, server: tuple[str, dict[str, str]]
) -> None:
    address, tokens = server
    here = elsewhere(tmp_path / "elsewhere", address, tokens["ana"])
    scores = brought(here)
    refs = [f"models:/{name}/1" for name in (BASE, MODEL, PICTURES)]
    for ref in refs:
        here.ask("model", "alias", ref, "candidate")
    with timm_models.asking(here.environment) as timm:
        for name, words in TOOLS.items():
            done = here.run(*words)
            assert (done.returncode == 0) is (name in OWN), f"{name}: nobody has approved it"
            assert name != "mlflow" or "nobody has approved it" in done.stderr
        assert timm(f"hf-hub:{PICTURES}@candidate") == "GatedRepoError"
        for ref in refs:
            approved(here, ref)
        as_documented(here, address, tokens["ana"])
        assert timm(f"hf-hub:{PICTURES}@candidate") == scores
        named = json.dumps(here.ask("model", "list"))
        assert [one for one in ("text/sent", "text/uploaded") if f'"{one}"' not in named] == [], "sent by the page"
        assert not list(here.folder.rglob("registry.db"))
        for name in (BASE, PICTURES):
            recalled = ("recall", "open", f"models:/{name}/1", "--level", "recall", "--reason", "Stolen data")
            here.ask(*recalled, token=tokens["ana"])
        for name, words in TOOLS.items():
            done = here.run(*words)
            assert done.returncode != 0, f"{name} still gives it out"
            assert name not in SAY_WHY or "is suspended by rec-" in done.stderr
        assert timm(f"hf-hub:{PICTURES}@candidate") == "RevisionNotFoundError", (
            "the copy in the cache is used no longer"
        )
