"""The demo's six points, checked from outside after it ran: through the JSON of the commands and what it printed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.demo import home
from examples.demo.narration import Narrator
from tests.command_line import CommandLine
from tests.house.tree import ROOT

pytestmark = pytest.mark.journey

BACKBONE, PROBE, DIGITS, NEWS = "library/efficientnet-lite0", "vision/digits-probe", "vision/digits", "text/news"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    """The demo, run from start to end as `make demo` runs it: about two minutes on two cores."""
    folder = tmp_path_factory.mktemp("demo") / "demo-home"
    words = [sys.executable, "-m", "examples.demo", "--home", str(folder)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def forebear(told: subprocess.CompletedProcess[str]) -> Iterator[CommandLine]:
    """A command line on what the demo left, as ana."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("FOREBEAR_")]:
            patch.delenv(name)
        patch.setenv("FOREBEAR_HOME", told.args[-1])
        patch.setenv("FOREBEAR_ACTOR", "ana")
        yield CommandLine(Path(told.args[-1]))


@pytest.mark.timeout(1500)
def test_every_claim_of_the_demo_holds(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0, told.stdout[-6000:] + told.stderr[-3000:]
    assert "✗ " not in told.stdout.partition("4. Promotion")[0]
    assert "claims hold" in told.stdout
    assert "make serve" in told.stdout
    assert "fbr_" in told.stdout


@pytest.mark.timeout(1500)
def test_the_sources_carry_their_licence_and_origin(forebear: CommandLine) -> None:
    for name in (BACKBONE, "library/mobilenet-v2", "library/minilm-l6"):
        source = forebear.ask("model", "show", f"{name}/1")
        assert source["summary"]["licence"] in {"Apache-2.0", "MIT"}
        assert source["model"]["task"]
        assert source["model"]["origin"].startswith("package ")
        assert source["card"]["text"].startswith("---\nlicense:")


@pytest.mark.timeout(1500)
def test_the_data_are_tracked_by_dvc(forebear: CommandLine) -> None:
    for name, classes in (("data/mnist-5k", 10), ("data/bbc-news", 5)):
        data = forebear.ask("dataset", "show", f"{name}/1")
        assert data["dvc"]["md5"]
        assert len(data["summary"]["classes"]) == classes


@pytest.mark.timeout(1500)
def test_the_demo_asks_where_digits_should_start_before_it_transfers(
    told: subprocess.CompletedProcess[str], forebear: CommandLine
) -> None:
    before = " ".join(told.stdout.partition("3. Transfers")[0].split())
    assert "Where should digits start?" in before
    assert "Far: a classifier tells rows of data/uci-digits/1 from those of data/mnist-5k/1" in before
    # On a machine that is busy with other work, fine-tuning may be found to take too long.
    assert "(CVPR 2019)" in before or "from the seconds measured for this report" in before
    assert forebear.ask("dataset", "show", "data/uci-digits/1")["summary"]["classes"]


@pytest.mark.timeout(1500)
def test_each_transfer_beats_the_commonest_class_clearly(forebear: CommandLine) -> None:
    methods = {PROBE: "feature_extraction", DIGITS: "fine_tuning", NEWS: "feature_extraction"}
    for name, method in methods.items():
        version = forebear.ask("model", "show", f"{name}/1")
        measured = {m["name"]: m["value"] for m in version["measured"] if m["role"] == "test"}
        assert measured["accuracy"] >= measured["baseline_accuracy"] + 0.4
        assert version["summary"]["method"] == method


@pytest.mark.timeout(1500)
def test_production_needed_two_people_who_did_not_make_the_model(forebear: CommandLine) -> None:
    (summary,) = [
        request
        for request in forebear.ask("promote", "list", "--model", DIGITS)["items"]
        if request["to_stage"] == "production"
    ]
    request = forebear.ask("promote", "show", summary["id"])
    assert request["summary"]["state"] == "promoted"
    assert {vote["voter"] for vote in request["votes"]} == {"ben", "carla"}
    assert request["summary"]["requested_by"] == "ana"
    assert forebear.ask("model", "show", f"models:/{DIGITS}@production")["summary"]["ref"] == f"models:/{DIGITS}/1"


@pytest.mark.timeout(1500)
def test_a_refusal_names_its_values_and_an_approval_with_a_condition_left_a_finding(
    told: subprocess.CompletedProcess[str], forebear: CommandLine
) -> None:
    assert "At most one article in ten is sorted wrongly: 9 > 6" in " ".join(told.stdout.split())
    (summary,) = forebear.ask("promote", "list", "--model", NEWS)["items"]
    (vote,) = forebear.ask("promote", "show", summary["id"])["votes"]
    assert (summary["state"], vote["voter"], vote["value"]) == ("promoted", "ben", "approve_with_conditions")
    found = forebear.ask("finding", "list", "--owner", "ana", "--state", "open")["items"]
    assert [one["ref"] for one in found if one["condition"]] == [f"models:/{NEWS}/1"]
    (claim,) = (one for one in found if not one["condition"])
    assert "as its parent, and the weights speak against it" in claim["text"]


@pytest.mark.timeout(1500)
def test_a_decision_was_replayed_and_the_preview_of_a_recall_withheld_nothing(
    told: subprocess.CompletedProcess[str], forebear: CommandLine
) -> None:
    assert "The replay gives the stored verdict." in told.stdout
    assert "vision/digits@production stops" in " ".join(told.stdout.split())
    assert not forebear.ask("recall", "list")["items"]
    assert forebear.ask("model", "show", f"{BACKBONE}/1")["summary"]["status"] == "active"


@pytest.mark.timeout(1500)
def test_the_ancestry_has_three_generations_and_the_log_holds(forebear: CommandLine) -> None:
    ancestry = forebear.ask("lineage", "show", f"models:/{DIGITS}/1")
    labels = {node["label"] for node in ancestry["nodes"]}
    assert {f"{DIGITS}/1", f"{PROBE}/1", f"{BACKBONE}/1", "data/mnist-5k/1"} <= labels
    path = forebear.ask("lineage", "path", f"models:/{BACKBONE}/1", f"models:/{DIGITS}/1")
    assert [node["label"] for node in path["nodes"] if node["kind"] == "model_version"] == [
        f"{BACKBONE}/1", f"{PROBE}/1", f"{DIGITS}/1",
    ]  # fmt: skip
    assert forebear.ask("audit", "verify")["intact"]


@pytest.mark.timeout(1500)
def test_the_models_load_outside_with_stock_tools(told: subprocess.CompletedProcess[str]) -> None:
    text = " ".join(told.stdout.split())
    assert "transformers.AutoModelForSequenceClassification: 120 of 120 predictions are the same" in text
    assert "its one-file definition: 200 of 200 predictions are the same" in text


def test_the_demo_never_deletes_what_it_did_not_make(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(home.NotOursError, match="not made by the demo"):
        home.make_fresh(mine, Narrator())
    assert (mine / "thesis.txt").read_text() == "years of work"
    link = tmp_path / "link"
    link.symlink_to(mine)
    with pytest.raises(home.NotOursError, match="is not a folder"):
        home.make_fresh(link, Narrator())


def test_the_demo_starts_over_in_its_own_folder_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "demo-home"
    home.make_fresh(own, Narrator())
    (own / "registry.db").write_text("old")
    home.make_fresh(own, Narrator())
    assert [path.name for path in own.iterdir()] == [home.MARKER]
    assert "starting over" in capsys.readouterr().out
