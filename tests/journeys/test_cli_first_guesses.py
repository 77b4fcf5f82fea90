"""What people type first, before they read the help: it works, or it says what to write instead."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine, command_line
from tests.importing import importing_here
from tests.journeys import worlds
from tests.journeys.running import free_port

SAID = ("--task", "feature-extraction", "--modality", "text", "--origin", "made up")


@pytest.fixture(scope="module")
def forebear(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A home with a model and a dataset, both of known licence."""
    folder = tmp_path_factory.mktemp("guesses")
    with command_line(folder) as typed, importing_here():
        typed.ask("init")
        typed.ask("model", "import", "library/tiny", worlds.write_source(folder), *SAID, "--licence", "MIT")
        typed.ask("dataset", "add", "data/fruit", worlds.write_sentences(folder), "--licence", "CC0-1.0")
        yield typed


def test_an_import_of_what_is_there_says_that_nothing_changed(forebear: CommandLine) -> None:
    folder = forebear.home.parent
    again = forebear("model", "import", "library/tiny", folder / "tiny", *SAID, "--licence", "MIT")
    assert again.out.startswith("Already registered as models:/library/tiny/1; nothing changed.")
    first = forebear("model", "import", "library/second", folder / "tiny", *SAID, "--licence", "MIT")
    assert first.out.startswith("Registered models:/library/second/1: transformers:BertModel")
    assert first.err.startswith("Note: The same bytes are registered as models:/library/tiny/1.\nNext:")
    data = forebear("dataset", "add", "data/fruit", folder / "fruit.csv", "--licence", "CC0-1.0")
    assert data.out.startswith("Already registered as datasets:/data/fruit/1; nothing changed.")


def test_a_licence_that_nobody_knows_is_noted(forebear: CommandLine) -> None:
    folder = forebear.home.parent
    model = forebear("model", "import", "library/odd", folder / "tiny", *SAID, "--licence", "ours alone")
    assert "Note: The licence 'ours alone' is not an SPDX expression, so it counts as unknown" in model.err
    assert "The default policy" in model.err
    data = forebear("dataset", "add", "data/odd", folder / "fruit.csv", "--licence", "ours alone", "-o", "json")
    assert data.json["summary"]["licence"] == "ours alone"
    assert "Note: The licence 'ours alone'" in data.err


@pytest.mark.parametrize(("kind", "reference"), [("model", "library/tiny/1"), ("dataset", "data/fruit/1")])
def test_a_folder_to_pull_into_may_follow_the_reference(
    forebear: CommandLine, tmp_path: Path, kind: str, reference: str
) -> None:
    assert forebear.ask(kind, "pull", reference, tmp_path / "out")["folder"] == str(tmp_path / "out")
    both = forebear.refused(kind, "pull", reference, tmp_path / "a", "--to", tmp_path / "b")
    assert both["code"] == "bad-request"
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "b").exists()


def test_a_name_or_a_reason_may_follow_too(forebear: CommandLine) -> None:
    assert forebear.ask("person", "add", "ben", "Ben Beck")["name"] == "Ben Beck"
    assert forebear.refused("person", "add", "cara", "Cara", "--name", "Cara")["code"] == "bad-request"
    version = forebear.ask("model", "import", "library/old", forebear.home.parent / "tiny", *SAID, "--licence", "MIT")
    old = version["summary"]["ref"]
    assert forebear.ask("model", "deprecate", old, "use tiny")["status_reason"] == "use tiny"
    lines = forebear("model", "list").out.splitlines()
    assert "Status" in lines[0]
    assert any("library/old" in line and "deprecated" in line for line in lines)
    assert forebear.refused("model", "archive", old)["code"] == "bad-request"
    assert forebear.ask("model", "archive", old, "--reason", "old")["status_reason"] == "old"


def test_a_role_that_no_policy_names_is_refused_with_the_near_one(forebear: CommandLine) -> None:
    forebear.ask("person", "add", "dora")
    near = forebear.refused("role", "grant", "dora", "validatr")
    assert near["detail"] == "There is no role 'validatr', did you mean 'validator'?"
    known = "there are admin, auditor, developer, forensics, guest, reader, risk-owner, validator, viewer"
    assert known in str(forebear.refused("role", "grant", "dora", "zz")["detail"])
    for role in ("admin", "viewer", "validator"):
        assert forebear("role", "grant", "dora", role).err == ""


def test_a_search_without_a_match_does_not_suggest_importing(forebear: CommandLine) -> None:
    said = forebear("model", "search", "zebra")
    assert said.code == 0
    assert said.err.startswith("No model matches; ")


def test_a_word_that_is_spelt_wrong_shows_what_was_meant_and_says_so(forebear: CommandLine) -> None:
    assert "Nothing matches 'libarry'. Showing 'library'." in forebear("model", "search", "libarry").out
    assert forebear.ask("model", "search", "libarry")["items"] == []


def test_an_unknown_task_is_named_with_the_known_ones(forebear: CommandLine) -> None:
    said = forebear("model", "search", "--task", "audio-classification")
    assert said.code == 2
    assert said.err.startswith("Error: Unknown task 'audio-classification': there are feature-extraction\n")
    assert said.err.endswith("[bad-filter]\n")


def test_every_problem_has_a_line_of_its_own(forebear: CommandLine, tmp_path: Path) -> None:
    recipe = worlds.write_recipe(tmp_path, worlds.RECIPE.replace("output:", "outptu:").replace("epochs", "epcohs"))
    problems = forebear.refused("recipe", "check", recipe)["facts"]["problems"]
    said = forebear("recipe", "check", recipe).err.splitlines()
    assert len(problems) == 3
    assert said[0] == "Error: 3 things are wrong"
    assert said[1:4] == [f"  • {problem}" for problem in problems]
    assert said[-1] == "[bad-recipe]"


def test_near_references_and_sources_are_named(forebear: CommandLine, tmp_path: Path) -> None:
    for wrong in ("models:library/tiny", "model:/library/tiny"):
        problem = forebear.refused("model", "show", wrong)
        assert problem["code"] == "bad-reference"
        assert problem["detail"].endswith("did you mean models:/library/tiny?")
    misspelt = forebear.refused("model", "import", "library/x", "pkg:nope/weights", *SAID)
    assert misspelt["code"] == "not-found"
    assert misspelt["remedy"].startswith("Did you mean package:nope/weights?")
    assert "pip install" not in json.dumps(misspelt)


def test_a_list_of_images_and_a_false_parquet_say_what_they_are(forebear: CommandLine, tmp_path: Path) -> None:
    listing, false = tmp_path / "metadata.csv", tmp_path / "rows.parquet"
    listing.write_text("file_name,label\n1.png,cat\n2.png,dog\n")
    false.write_text("hello")
    problem = forebear.refused("dataset", "add", "data/x", listing, "--licence", "MIT")
    assert problem["code"] == "bad-data"
    assert "file_name" in problem["detail"]
    assert "give the folder that holds it" in problem["remedy"]
    problem = forebear.refused("dataset", "add", "data/x", false, "--licence", "MIT")
    assert (problem["code"], "is not a Parquet file" in problem["detail"]) == ("bad-data", True)


def test_a_server_on_a_busy_port_fails_with_one_sentence(forebear: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        problem = forebear.refused("serve", "--port", busy.getsockname()[1])
    assert problem["code"] == "unavailable"
    assert problem["detail"].endswith("address already in use")
    assert "--port" in problem["remedy"]


def test_a_server_says_where_it_listens_and_how_to_sign_in(forebear: CommandLine, tmp_path: Path) -> None:
    port = free_port()
    words = [sys.executable, "-m", "registry.cli", "--home", str(forebear.home), "serve", "--port", str(port)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as server:
        assert server.stdout is not None
        assert server.stderr is not None
        first, hint = server.stdout.readline(), server.stderr.readline()
        server.terminate()
        server.communicate(timeout=30)
    assert first.startswith(f"Listening on http://127.0.0.1:{port} ")
    assert "forebear token create PERSON" in hint
