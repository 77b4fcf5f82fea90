"""Stock MLflow on a registry of ours: its client answers as docs/connecting.md says, its command refuses a recall."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import Reference
from tests.mlflow_conformance import run
from tests.serving import listening, serve_family

pytestmark = pytest.mark.journey
DOCS = Path(__file__).parents[2] / "docs" / "connecting.md"


def test_every_method_of_the_stock_client_answers_as_the_documentation_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "")  # what the run sets is taken back
    table = list(run(tmp_path / "home"))
    assert [row for row in table if row[1] != row[2]] == []
    text = DOCS.read_text(encoding="utf-8")
    assert [method for method, _, answer in table if f"| `{method}` | {answer} |" not in text] == []


def test_the_command_of_mlflow_downloads_by_alias_and_is_refused_after_a_recall(tmp_path: Path) -> None:
    served = serve_family(tmp_path / "home")
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    with listening(served.app) as address:
        environment = {**kept, "HOME": str(tmp_path), "MLFLOW_DISABLE_TELEMETRY": "true"}
        environment |= {"MLFLOW_REGISTRY_URI": address, "MLFLOW_TRACKING_TOKEN": served.family.tokens["vic"]}

        def download(alias: str, folder: str) -> subprocess.CompletedProcess[str]:
            words = ["artifacts", "download", "--artifact-uri", f"models:/vision.digits@{alias}", "--dst-path", folder]
            command = [sys.executable, "-W", "ignore", "-m", "mlflow", *words]
            return subprocess.run(
                command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
            )

        done = download("candidate", "digits")
        assert done.returncode == 0, done.stderr[-2000:]
        assert (tmp_path / "digits/weights/model.safetensors").is_file()
        unapproved = download("champion", "other")
        assert unapproved.returncode != 0
        assert "nobody has approved it" in unapproved.stderr
        ana = served.family.registry("ana")
        ana.catalog.set_status(Reference.to(served.family.grandchild), Status.RECALLED, "Trained on stolen data")
        recalled = download("candidate", "again")
    assert recalled.returncode != 0
    assert "recalled" in recalled.stderr
    assert not (tmp_path / "again/weights").exists()
