"""Stock clients of the Hugging Face Hub on a registry of ours: they read what is approved, and learn of a recall."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from adapters.transformers.models import quiet
from benchmarks.material.tiny_texts import save_source
from benchmarks.text_families import WORDS
from registry.settings import Settings
from tests.journeys.pulling import Journey, journey
from tests.journeys.worlds import write_sentences
from tests.serving import app_over, listening

pytestmark = pytest.mark.journey

LORA = "method: adapter\nepochs: 1\noptimizer: {lr: 0.01}\n"
LOAD = """
import transformers
def load():
    kind = transformers.AutoModelForSequenceClassification
    model = kind.from_pretrained("tuned/bert", revision="candidate", num_labels=3)
    words = transformers.AutoTokenizer.from_pretrained("tuned/bert", revision="candidate")
    return model(**words("good day", return_tensors="pt")).logits.shape[1], sorted(model.peft_config)
print(*load(), flush=True)
input()
try:
    print(load())
except OSError as error:
    print("refused:", error)
"""
"""Loads the adapter with its parent, waits for a line, and loads it again."""
HF = ("-m", "huggingface_hub.cli.hf", "download", "tuned/bert", "--revision", "v1", "--local-dir")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """A text model, and an adapter for it that was trained here. Nobody has approved either."""
    folder = tmp_path_factory.mktemp("hub")
    with journey(folder, write_sentences(folder), "text-classification") as found:
        with quiet():
            save_source(folder / "published", "bert", WORDS)
        found.pulled(found.imported("bert", folder / "published"), "bert", "tuned", LORA)
        yield found


def approve(registry: Journey, model: str) -> None:
    (registry.folder / "card.md").write_text("# Card\n", encoding="utf-8")
    registry.typed.ask("evidence", "add", model, "model_card", "--file", registry.folder / "card.md")
    registry.typed.ask("promote", "request", model, "--to", "candidate")
    registry.typed.ask("model", "alias", model, "candidate")


@contextmanager
def clients(registry: Journey) -> Iterator[dict[str, str]]:
    """The environment of a person whose tools know our address and a token, and nothing else."""
    settings = Settings(home=registry.typed.home, mlflow_uri="off")
    token = registry.typed.ask("token", "create", "ana", "--label", "hub")["secret"]
    with listening(app_over(registry.typed.home, settings)) as address:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        home = {"HOME": str(registry.folder), "HF_HOME": str(registry.folder / "cache")}
        yield kept | home | {"HF_ENDPOINT": address, "HF_TOKEN": token, "HF_HUB_DISABLE_TELEMETRY": "1"}


def ran(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.timeout(900)
def test_stock_clients_read_an_approved_adapter_with_its_own_parent_and_learn_of_a_recall(registry: Journey) -> None:
    downloaded = registry.folder / "downloaded"
    with clients(registry) as environment:
        refused = ran(environment, *HF, str(downloaded))
        assert refused.returncode != 0
        assert "requires approval" in refused.stderr
        approve(registry, "library/bert/1")
        approve(registry, "tuned/bert/1")
        hf = ran(environment, *HF, str(downloaded))
        assert hf.returncode == 0, hf.stderr[-2000:]
        assert '"library/bert.v1"' in (downloaded / "adapter_config.json").read_text()
        said = [sys.executable, "-c", LOAD]
        with subprocess.Popen(
            said, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as tool:
            assert tool.stdout is not None
            assert tool.stdout.readline().split() == ["3", "['default']"]
            registry.typed.ask(
                "recall", "open", "models:/library/bert/1", "--level", "recall", "--reason", "Stolen data"
            )
            again, _ = tool.communicate("\n")
        assert again.startswith("refused:"), "the copies in the cache are used no longer"
