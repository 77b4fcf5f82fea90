"""The tree of commands itself: what is typed wrongly, what help says, what a failure looks like."""

from __future__ import annotations

import json

import pytest

from registry import __version__
from registry.cli import reference
from tests.command_line import CommandLine

ISSUE = """\
init doctor serve history
model/import model/list model/search model/show model/pull model/tag model/alias
model/deprecate model/archive model/delete
dataset/add dataset/list dataset/show dataset/pull
recipe/schema recipe/check
transfer/run transfer/list transfer/show transfer/resume transfer/cancel
lineage/show lineage/path
evidence/add evidence/list
promote/request promote/show promote/approve promote/reject promote/withdraw promote/list
policy/check policy/publish policy/show
person/add person/list role/grant role/revoke token/create token/list token/revoke
audit/show audit/verify
"""


@pytest.mark.parametrize("words", ISSUE.split())
def test_every_promised_command_is_there(words: str) -> None:
    assert f"forebear {words.replace('/', ' ')}" in dict(reference.commands())


def test_a_misspelt_command_is_told_the_near_one(forebear: CommandLine) -> None:
    said = forebear("modle", "list")
    assert said.code == 2
    assert "Did you mean 'model'" in said.err
    assert not said.out


def test_a_misspelt_option_is_told_the_near_one(forebear: CommandLine) -> None:
    said = forebear("model", "list", "--limt", "3")
    assert said.code == 2
    assert "--limit" in said.err


@pytest.mark.parametrize(
    "words",
    [
        ("modle", "list"),
        ("model", "list", "--limt", "3"),
        ("model", "list", "--limit", "0"),
        ("model", "list", "surplus"),
        ("model", "show"),
        ("promote", "request", "vision/digits/2"),
        ("transfer", "list", "--state", "fnished"),
        ("model", "list", "--limit"),
    ],
)
def test_what_cannot_be_parsed_has_a_code_and_in_json_a_problem_object(
    forebear: CommandLine, words: tuple[str, ...]
) -> None:
    said = forebear(*words)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("Error: ")
    assert said.err.endswith("[bad-request]\n")
    for asked in (("--output", "json"), ("--output=json",), ("-o", "json")):
        said = forebear(*asked, *words)
        assert said.code == 2
        assert said.problem["code"] == "bad-request"
        assert said.problem["detail"]


def test_a_group_alone_shows_its_help(forebear: CommandLine) -> None:
    said = forebear("model")
    assert said.code == 2
    assert "pull" in said.err + said.out
    assert "[bad-request]" not in said.err


def test_a_number_out_of_range_is_a_usage_error(forebear: CommandLine) -> None:
    said = forebear("model", "list", "--limit", "0")
    assert said.code == 2
    assert "--limit" in said.err


def test_the_version_is_said(forebear: CommandLine) -> None:
    said = forebear("--version")
    assert (said.code, said.out.strip()) == (0, f"forebear {__version__}")


def test_help_of_a_command_shows_its_examples_and_the_options_of_all(forebear: CommandLine) -> None:
    said = forebear("lineage", "show", "--help")
    assert said.code == 0
    assert "forebear lineage show models:/vision/digits/2" in said.out
    for option in ("--home", "--as", "--output", "--depth"):
        assert option in said.out


def test_a_place_without_a_home_says_how_to_make_one(forebear: CommandLine) -> None:
    said = forebear("model", "list")
    assert said.code == 8
    assert said.err.startswith("Error: there is no home at")
    assert "forebear init" in said.err
    assert "[no-home]" in said.err
    assert not said.out


@pytest.mark.parametrize("words", [("--output", "json", "model", "list"), ("model", "list", "--output", "json")])
def test_in_json_a_failure_is_a_problem_object_on_standard_error(forebear: CommandLine, words: tuple[str, ...]) -> None:
    said = forebear(*words)
    assert said.code == 8
    assert said.out == ""
    assert said.problem["code"] == "no-home"
    assert said.problem["status"] == 503
    assert "forebear init" in said.problem["remedy"]


def test_a_setting_that_cannot_be_read_is_one_sentence(forebear: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_THREADS", "many")
    said = forebear("model", "list", "-o", "json")
    assert said.code == 2
    assert json.loads(said.err)["detail"] == "FOREBEAR_THREADS is 'many'"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("model", "show", "Vision/Digits"), "bad-name"),
        (("model", "show", "models:/digits"), "bad-reference"),
        (("model", "show", "datasets:/vision/digits/1"), "bad-reference"),
        (("model", "search", "--where", "accuracy is good"), "bad-filter"),
        (("model", "search", "--sort", "beauty"), "bad-filter"),
        (("model", "tag", "vision/digits"), "bad-request"),
        (("model", "tag", "vision/digits", "a=1", "a=2"), "bad-request"),
        (("model", "delete", "vision/digits"), "bad-request"),
        (("dataset", "add", "data/digits", ".", "--split", "train=most"), "bad-request"),
        (("dataset", "add", "data/digits", ".", "--split", "train=0.5,test=0.1"), "invalid"),
        (("transfer", "run", "nowhere.yaml"), "no-home"),
    ],
)
def test_what_is_typed_wrongly_has_a_code_before_anything_is_opened(
    forebear: CommandLine, words: tuple[str, ...], code: str
) -> None:
    said = forebear(*words, "--output", "json")
    assert said.problem["code"] == code
    assert said.code > 1
    assert said.out == ""


def test_completion_offers_the_commands(forebear: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_FOREBEAR_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "forebear promote ")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert {"request", "show", "approve", "reject", "withdraw", "list"} <= set(forebear().out.split())
