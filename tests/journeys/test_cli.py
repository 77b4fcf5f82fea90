"""A person's whole story on the command line: from an empty folder to a model in production that stock tools load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.presenting.formats import duration
from tests.command_line import CommandLine, command_line
from tests.importing import importing_here
from tests.journeys import worlds

pytestmark = pytest.mark.journey
FRUIT = "models:/text/fruit/1"


@pytest.fixture(scope="module")
def forebear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """One home for all chapters, with people in it: ana makes, ben validates, carla owns the risk, vera looks."""
    folder = tmp_path_factory.mktemp("story")
    with command_line(folder) as typed:
        made = typed.ask("init")
        assert made["admin"] == "ana"
        assert made["token"].startswith("fbr_")
        for handle, role in (("ben", "validator"), ("carla", "risk-owner"), ("vera", "viewer")):
            typed.ask("person", "add", handle)
            if typed.ask("role", "grant", handle, role)["offered"]:
                assert typed.ask("role", "confirm", handle, role, actor="ben")["roles"] == [role]
        yield typed


@pytest.fixture(scope="module")
def source(forebear: CommandLine) -> str:
    """The source model, imported."""
    folder = worlds.write_source(forebear.home.parent)
    card = folder.parent / "card.md"
    card.write_text("---\nlicense: mit\n---\n# Tiny\n\nA model for trying things out.\n")
    said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT", "--origin", "made up")
    imported = forebear.ask("model", "import", "library/tiny", folder, *said, "--tag", "size=tiny", "--card", card)
    return str(imported["summary"]["ref"])


@pytest.fixture(scope="module")
def data(forebear: CommandLine) -> str:
    """The sentences, registered."""
    file = worlds.write_sentences(forebear.home.parent)
    said = ("--task", "text-classification", "--licence", "CC0-1.0", "--origin", "made up")
    return str(forebear.ask("dataset", "add", "data/fruit", file, *said)["summary"]["ref"])


@pytest.fixture(scope="module")
def step(forebear: CommandLine, source: str, data: str) -> str:
    """The transfer, run to its end."""
    done = forebear.ask("transfer", "run", worlds.write_recipe(forebear.home.parent))
    assert done["summary"]["state"] == "succeeded"
    assert done["summary"]["output"] == FRUIT
    assert {i["ref"] for i in done["inputs"]} == {source, data}
    return str(done["summary"]["id"])


def test_creating_a_registry_folder_twice_changes_nothing(forebear: CommandLine) -> None:
    again = forebear.ask("init")
    assert (again["created"], again["token"]) == (False, None)
    assert "is up to date" in forebear("init").out


def test_who_registers_marked_data_again_is_told_which_marks_came_to_it(forebear: CommandLine, tmp_path: Path) -> None:
    file, said = worlds.write_sentences(tmp_path), ("--licence", "CC0-1.0")
    first = forebear.ask("dataset", "add", "data/letters", file, *said)["summary"]["ref"]
    forebear.ask("mark", "add", first, "personal-data", "--reason", "letters of customers")
    again = forebear("dataset", "add", "data/other", file, *said, "--seed", "5")
    assert f"It has the mark personal-data. Its file is one of {first}" in " ".join(again.err.split())


def test_an_import_is_a_version_with_a_card_and_a_step(forebear: CommandLine, source: str) -> None:
    shown = forebear.ask("model", "show", source)
    assert shown["summary"]["method"] == "import"
    assert shown["model"]["tags"] == {"size": "tiny"}
    assert shown["card"]["number"] == 1
    assert "# Tiny" in forebear("model", "card", source).out
    assert "model.safetensors" in forebear("model", "show", source).out


def test_importing_the_same_bytes_again_makes_no_second_version(forebear: CommandLine, source: str) -> None:
    said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT", "--origin", "made up")
    with importing_here():
        again = forebear.ask("model", "import", "library/tiny", forebear.home.parent / "tiny", *said)
    assert again["summary"]["ref"] == source


def test_a_dataset_keeps_its_splits_and_its_name_in_dvc(forebear: CommandLine, data: str, tmp_path: Path) -> None:
    shown = forebear.ask("dataset", "show", data)
    assert {split["name"]: split["rows"] for split in shown["summary"]["splits"]} == {
        "train": 48, "validation": 15, "test": 18,
    }  # fmt: skip
    assert shown["dvc"]["md5"]
    assert "apple" in forebear("dataset", "show", data).out
    assert [v["ref"] for v in forebear.ask("dataset", "versions", "data/fruit")["items"]] == [data]
    assert "csv" in forebear("dataset", "versions", "data/fruit").out
    assert forebear.ask("dataset", "list", "fruit")["items"][0]["name"] == "data/fruit"
    pulled = forebear.ask("dataset", "pull", data, "--to", tmp_path / "pulled")
    (file,) = (tmp_path / "pulled").iterdir()
    assert file.read_bytes() == (forebear.home.parent / "fruit.csv").read_bytes()
    assert pulled["files"] == 1


def test_a_recipe_is_checked_before_it_runs(forebear: CommandLine, source: str, data: str, tmp_path: Path) -> None:
    assert forebear.ask("recipe", "schema")["properties"]["method"]
    checked = forebear.ask("recipe", "check", worlds.write_recipe(tmp_path))
    assert checked["sources"][0]["model"] == source
    assert checked["data"]["test"] == {"dataset": data, "split": "test"}
    shown = forebear("recipe", "check", worlds.write_recipe(tmp_path)).out
    assert "optimizer:" in shown
    again = worlds.write_recipe(tmp_path, shown)
    assert forebear("recipe", "check", again).out == shown, "what is shown is a recipe that says the same"
    worlds.write_recipe(tmp_path, worlds.RECIPE + "licence: mine alone\n")
    assert "The licence 'mine alone' is not an SPDX expression" in forebear("recipe", "check", again).err


def test_a_transfer_leaves_a_version_with_numbers_and_provenance(forebear: CommandLine, step: str) -> None:
    shown = forebear.ask("transfer", "show", step)
    measured = {m["name"]: m["value"] for m in shown["measured"] if m["role"] == "test"}
    assert measured["accuracy"] > measured["baseline_accuracy"]
    assert shown["manifest_digest"]
    assert forebear.ask("transfer", "list", "--state", "succeeded", "--output-model", "text/fruit")["items"]
    text = forebear("transfer", "show", step).out
    assert "Learning curve" in text
    assert "observed" in text
    manifest = shown["manifest"]
    assert f"cpu, fp32, {manifest['threads']} threads" in text
    assert f"{duration(manifest['wall_seconds'])}, of which" in text
    assert manifest["flops"]["method"] in " ".join(text.split())
    assert f"51 of {manifest['parameters']['all']:,} parameters" in text
    assert f"torch {manifest['environment']['libraries']['torch']}" in " ".join(text.split())
    assert forebear("transfer", "list").out.splitlines()[0].startswith("Step")


def test_models_are_found_by_what_they_measured(forebear: CommandLine, step: str) -> None:
    query = ("--where", "metrics.accuracy > 0.4", "--sort", "metrics.accuracy", "--modality", "text")
    assert [m["name"] for m in forebear.ask("model", "search", *query)["items"]] == ["text/fruit"]
    assert forebear.ask("model", "search", "--where", "metrics.accuracy > 1")["items"] == []
    assert "text/fruit" in forebear("model", "search", *query).out


def test_a_list_that_goes_on_says_how(forebear: CommandLine, step: str) -> None:
    first = forebear("model", "list", "--limit", "1")
    assert first.err.startswith("There is more: forebear model list --limit 1 --cursor ")
    cursor = forebear.ask("model", "list", "--limit", "1")["next_cursor"]
    second = forebear.ask("model", "list", "--limit", "1", "--cursor", cursor)
    assert len(second["items"]) == 1
    assert second["items"][0]["name"] not in first.out


def test_the_family_is_drawn_and_exported(forebear: CommandLine, source: str, data: str, step: str) -> None:
    tree = forebear("lineage", "show", FRUIT).out
    assert tree.splitlines()[0].startswith("text/fruit/1")
    assert "library/tiny/1" in tree
    assert "[verified]" in tree, "the weights support what the adapter did"
    assert "[observed]" in tree, "data leave no trace that could be tested"
    (said,) = forebear.ask("lineage", "verify", FRUIT)
    assert said["comparison"]["relation"] == "frozen_plus_head"
    assert "a frozen backbone under another head" in forebear("lineage", "verify", FRUIT).out
    assert "text/fruit/1" in forebear("lineage", "show", source, "--down", "--depth", "1").out
    assert forebear("lineage", "show", FRUIT, "--format", "mermaid").out.startswith("flowchart LR")
    assert forebear("lineage", "show", FRUIT, "--format", "dot").out.startswith("digraph")
    ancestry = forebear.ask("lineage", "show", FRUIT)
    assert {"library/tiny/1", "data/fruit/1", "text/fruit/1"} <= {node["label"] for node in ancestry["nodes"]}
    assert forebear.ask("lineage", "show", FRUIT, "--format", "json") == ancestry
    assert forebear("lineage", "path", source, FRUIT).code == 0
    short = forebear("lineage", "path", "data/fruit/1", "text/fruit/1")
    assert "data/fruit/1" in short.out, "a short name that no model has is that of a dataset"
    both = forebear.refused("lineage", "show", FRUIT, "--format", "dot")
    assert (both["code"], "--format dot and --output json" in both["detail"]) == ("bad-request", True)
    assert forebear.refused("lineage", "path", FRUIT, source)["code"] == "not-found"


def test_a_model_reaches_production_through_two_other_people(forebear: CommandLine, step: str) -> None:
    assert forebear.refused("promote", "request", FRUIT, "--to", "production")["code"] == "policy-refused"
    assert forebear.refused("model", "alias", FRUIT, "production")["code"] == "policy-refused"
    card = forebear.home.parent / "card.md"
    forebear.ask("model", "card", FRUIT, "--write", card)
    assert forebear.ask("promote", "request", FRUIT, "--to", "candidate")["summary"]["state"] == "promoted"
    validated = forebear.ask("promote", "request", FRUIT, "--to", "validated")["summary"]["id"]
    forebear.ask("promote", "approve", validated, "-m", "good", actor="ben")
    request = forebear.ask("promote", "request", FRUIT, "--to", "production", "-m", "first")["summary"]["id"]
    missing = forebear.ask("promote", "show", request)["verdict"]
    assert not missing["allowed"]
    assert len(missing["reasons"]) == 4
    shown = forebear("promote", "show", request)
    assert all(reason in shown.out for reason in missing["reasons"])
    assert "5 of 9 checks passed" in shown.err

    refused = forebear.refused("promote", "approve", request)
    assert (refused["code"], refused["status"]) == ("policy-refused", 403)
    assert forebear.refused("promote", "approve", request, actor="vera")["code"] in {
        "permission-denied",
        "policy-refused",
    }

    report = forebear.home.parent / "report.txt"
    report.write_text("fine")
    added = forebear.ask(
        "evidence",
        "add",
        FRUIT,
        "validation",
        "--set",
        "result=pass",
        "--set",
        "errors=0",
        "--file",
        report,
        actor="ben",
    )
    assert added["body"] == {"result": "pass", "errors": 0}
    assert "report.txt" in forebear("evidence", "list", FRUIT).out
    assert forebear.ask("promote", "approve", request, actor="ben")["summary"]["state"] == "open"
    assert forebear.ask("promote", "approve", request, actor="carla")["summary"]["state"] == "promoted"
    assert forebear.ask("model", "show", "models:/text/fruit@production")["summary"]["stage"] == "production"
    assert forebear.ask("model", "alias", "text/fruit", "production", "--history")[0]["ref"] == FRUIT
    assert forebear.ask("promote", "list", "--model", "text/fruit", "--state", "promoted")["items"]
    assert "promoted" in forebear("promote", "list").out


def test_a_request_is_rejected_with_a_reason_or_withdrawn(forebear: CommandLine, source: str) -> None:
    first = forebear.ask("promote", "request", source, "--to", "candidate")
    assert first["summary"]["state"] == "promoted"
    asked = forebear.ask("promote", "request", source, "--to", "validated")["summary"]["id"]
    assert forebear("promote", "reject", asked, actor="ben").code == 2
    rejected = forebear.ask("promote", "reject", asked, "-m", "what for?", actor="ben")
    assert rejected["summary"]["state"] == "rejected"
    stands = forebear.refused("promote", "request", source, "--to", "validated")
    assert "ben rejected it" in stands["detail"], "a rejection stands until what was rejected has changed"
    forebear.ask("evidence", "add", source, "validation", "--set", "result=pass", actor="ben")
    again = forebear.ask("promote", "request", source, "--to", "validated")["summary"]["id"]
    assert forebear.ask("promote", "withdraw", again)["summary"]["state"] == "withdrawn"


def test_what_is_said_of_a_model_can_change(forebear: CommandLine, step: str) -> None:
    forebear.ask("model", "describe", "text/fruit", "--description", "Tells fruits apart")
    assert "Tells fruits apart" in forebear("model", "show", "text/fruit").out
    assert (
        forebear("model", "tag", "text/fruit", "team=fruit", "draft").out == "Changed 2 tags of models:/text/fruit.\n"
    )
    forebear.ask("model", "tag", "text/fruit", "--remove", "draft")
    assert forebear.ask("model", "show", "text/fruit")["summary"]["tags"] == {"team": "fruit"}
    moved = forebear.ask("model", "alias", FRUIT, "champion")
    assert (moved["ref"], moved["protected"]) == (FRUIT, False)
    assert forebear.ask("model", "show", "text/fruit@champion")["summary"]["ref"] == FRUIT
    forebear.ask("model", "alias", "text/fruit", "champion", "--drop")
    assert forebear.refused("model", "show", "text/fruit@champion")["code"] == "not-found"
    assert "Revision" in forebear("model", "card", FRUIT, "--revisions").out


def test_a_pulled_model_loads_with_stock_tools(forebear: CommandLine, step: str, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    pulled = forebear.ask("model", "pull", FRUIT, "--to", tmp_path / "fruit")
    assert pulled["files"] == sum(1 for path in (tmp_path / "fruit").rglob("*") if path.is_file())
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "fruit")
    assert set(model.config.id2label.values()) == {"apple", "pear", "plum"}
    assert AutoTokenizer.from_pretrained(tmp_path / "fruit")("red round crisp")["input_ids"]
    assert forebear.refused("model", "pull", FRUIT, "--to", tmp_path / "fruit")["code"] == "conflict"


def test_versions_are_retired_and_names_never_come_back(forebear: CommandLine, source: str) -> None:
    folder = forebear.home.parent / "tiny"
    said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT", "--origin", "made up")
    with importing_here():
        old = forebear.ask("model", "import", "library/old", folder, *said)["summary"]["ref"]
    assert forebear.ask("model", "deprecate", old, "--reason", "use tiny")["summary"]["status"] == "deprecated"
    assert "use tiny" in forebear("model", "show", old).out
    assert forebear.ask("model", "archive", old, "--reason", "old")["summary"]["status"] == "archived"
    assert forebear("model", "delete", "library/old").code == 2
    forebear.ask("model", "delete", "library/old", "--yes")
    assert forebear.refused("model", "show", old)["code"] == "not-found"
    assert forebear.refused("model", "import", "library/old", folder, *said)["code"] == "name-taken"


def test_policies_are_read_checked_and_published(forebear: CommandLine, tmp_path: Path) -> None:
    text = forebear("policy", "show", "default").out
    assert "kind: PromotionPolicy" in text
    file = tmp_path / "policy.yaml"
    file.write_text(text.replace("version: 3", "version: 4", 1))
    assert forebear.ask("policy", "check", file)["version"] == 4
    file.write_text(text.replace("stages:", "stagse:", 1))
    wrong = forebear.refused("policy", "check", file)
    assert wrong["code"] == "bad-policy"
    assert "Line " in wrong["detail"]
    assert [policy["version"] for policy in forebear.ask("policy", "show")] == [3]


def test_a_viewer_cannot_change_anything(forebear: CommandLine, source: str) -> None:
    assert forebear("model", "list", actor="vera").code == 0
    refused = forebear.refused("model", "tag", "library/tiny", "a=1", actor="vera")
    assert (refused["code"], refused["status"]) == ("permission-denied", 403)
    assert forebear.refused("model", "list", actor="nobody")["code"] == "unauthenticated"


def test_tokens_are_shown_once_and_end_when_revoked(forebear: CommandLine) -> None:
    made = forebear.ask("token", "create", "ben", "--label", "laptop", "--days", "2", actor="ben")
    listed = forebear("token", "list", "ben", "--output", "json")
    assert made["secret"] not in listed.out
    assert made["summary"]["id"] in listed.out
    assert forebear.ask("token", "revoke", made["summary"]["id"])["revoked_at"]
    assert "revoked" in forebear("token", "list").out
    shown = forebear("token", "create", "ben", actor="ben")
    assert shown.out.startswith("fbr_")


def test_everything_is_in_the_log_and_the_log_holds(forebear: CommandLine, step: str) -> None:
    report = forebear.ask("audit", "verify")
    assert report["intact"]
    assert f"All {report['entries']} entries are intact" in forebear("audit", "verify").out
    assert len(forebear("audit", "export").out.splitlines()) == report["entries"]
    actions = {entry["action"] for entry in forebear.ask("audit", "show", "--limit", "500")["items"]}
    assert {"person.added", "model_version.imported", "dataset_version.added", "transfer.submitted"} & actions
    assert forebear.ask("history", "text/fruit")["items"]
    assert "text/fruit" in forebear("history", "text/fruit").out


def test_the_doctor_finds_nothing_wrong(forebear: CommandLine) -> None:
    said = forebear("doctor")
    assert said.code == 0
    assert "audit" in said.out
    assert {problem["level"] for problem in forebear.ask("doctor")} <= {"ok", "warning"}
