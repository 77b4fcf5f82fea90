"""Stock MLflow on a registry of ours: its client answers as docs/connecting.md says. Its command is in the journey
`test_two_machines`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import command_line
from tests.mlflow_conformance import more_answers, run

pytestmark = pytest.mark.journey
LONG_KEY = "owner-" * 12
"""A key of 72 characters: MLflow allows 250, and tags here 64."""
DOCS = Path(__file__).parents[2] / "docs" / "connecting.md"


def test_every_method_of_the_stock_client_answers_as_the_documentation_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "")  # what the run sets is taken back
    table = list(run(tmp_path / "home"))
    assert [row for row in table if row[1] != row[2]] == []
    text = DOCS.read_text(encoding="utf-8")
    assert [method for method, _, answer in table if f"| `{method}` | {answer} |" not in text] == []


def test_every_error_code_and_every_branch_of_the_searches_reach_the_stock_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "")
    assert [row for row in more_answers(tmp_path / "home") if row[1] != row[2]] == []


@pytest.fixture
def other(tmp_path: Path) -> str:
    """An MLflow registry: a text model in two versions, the second again as the third, and a pickle."""
    import warnings

    place = tmp_path / "mlflow"
    place.mkdir()
    uri = f"sqlite:///{place}/mlflow.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _fill(uri, place)
    return uri


def _fill(uri: str, place: Path) -> None:
    import mlflow
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
    (place / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(vocab_file=str(place / "vocab.txt"))
    net = BertForSequenceClassification(
        BertConfig(
            hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128, vocab_size=len(words)
        )
    )
    mlflow.set_tracking_uri(uri)
    try:
        mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", artifact_location=(place / "art").as_uri()))
        client = mlflow.MlflowClient()
        for number in (1, 2, 3):
            with mlflow.start_run(), torch.no_grad():
                if number == 2:
                    for tensor in (one for one in net.parameters() if one.ndim == 2):
                        tensor.add_(1e-3 * tensor.std() * torch.randn_like(tensor))
                mlflow.transformers.log_model(
                    {"model": net, "tokenizer": tokenizer},
                    name="m",
                    task="text-classification",
                    registered_model_name="Fraud Detector",
                    pip_requirements=[],
                )
        with mlflow.start_run():
            layer = torch.nn.Linear(2, 2)
            mlflow.pytorch.log_model(
                layer, name="m", registered_model_name="net", pip_requirements=[], serialization_format="pickle"
            )
        client.set_registered_model_alias("Fraud Detector", "champion", "2")
        client.update_model_version("Fraud Detector", "2", description="Trained\non more")
        client.set_model_version_tag("Fraud Detector", "2", "base_model", "models:/Fraud Detector/1")
        client.set_model_version_tag("Fraud Detector", "2", LONG_KEY, "ana")
        client.set_registered_model_tag("Fraud Detector", "license", "apache-2.0")
    finally:
        mlflow.set_tracking_uri(None)


def test_a_registry_of_mlflow_is_imported_oldest_first_with_parents_and_without_its_approvals(
    other: str, tmp_path: Path
) -> None:
    with command_line(tmp_path) as forebear:
        forebear.ask("init")
        plan = forebear.ask("model", "import-mlflow", other, "--team", "vision", "--list")
        assert [one["version"]["name"] for one in plan] == ["Fraud Detector"] * 3 + ["net"]
        said = forebear("model", "import-mlflow", other, "--team", "vision")
        assert said.code == 7, said.err
        assert "3 models of 4 are registered" in said.out
        assert "Aliases and stages are not taken over, request a promotion: Fraud Detector/2 is champion" in said.err
        assert f"cannot be tags here are left out: {LONG_KEY}" in said.err
        for _ in range(2):
            again = json.loads(forebear("model", "import-mlflow", other, "--team", "vision", "--output", "json").out)
            assert [one["ref"] for one in again] == [
                "models:/vision/fraud-detector/1",
                "models:/vision/fraud-detector/2",
                "models:/vision/fraud-detector/2",
                None,
            ]
            assert "a pickle (data/model.pth)" in again[-1]["why_not"]
        second = forebear.ask("model", "show", "vision/fraud-detector/2")
        assert second["parents"] == ["models:/vision/fraud-detector/1"]
        assert (second["summary"]["stage"], second["summary"]["aliases"]) == ("registered", [])
        assert second["summary"]["licence"] == "Apache-2.0"
        tags = second["tags"]
        assert tags["mlflow.description"] == "Trained on more"
        assert tags["mlflow.version.2"] == tags["mlflow.version.3"] == "Fraud Detector"
        assert tags["mlflow.run.2"] != tags["mlflow.run.3"]
        edges = forebear.ask("lineage", "show", "vision/fraud-detector/2")["edges"]
        assert "verified" in {edge["assurance"] for edge in edges}


def test_a_path_that_is_misspelt_is_said_and_makes_no_store(tmp_path: Path) -> None:
    with command_line(tmp_path) as forebear:
        forebear.ask("init")
        said = forebear("model", "import-mlflow", f"sqlite:///{tmp_path}/none/x.db", "--team", "vision")
        assert said.code == 3
        assert "There is no file" in said.err
        assert not (tmp_path / "none").exists()
        assert "There is no folder" in forebear("model", "import-mlflow", "mlrun", "--team", "vision").err
