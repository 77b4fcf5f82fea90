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
model/deprecate model/archive model/suspend model/recall model/restore model/delete
dataset/add dataset/list dataset/show dataset/pull
dataset/deprecate dataset/archive dataset/suspend dataset/recall dataset/restore
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


def test_a_misspelt_command_is_answered_with_the_nearest_one(forebear: CommandLine) -> None:
    said = forebear("modle", "list")
    assert said.code == 2
    assert "Did you mean forebear model?" in said.err
    assert not said.out


def test_a_misspelt_option_is_answered_with_the_nearest_one(forebear: CommandLine) -> None:
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


def test_the_option_version_prints_the_version(forebear: CommandLine) -> None:
    said = forebear("--version")
    assert (said.code, said.out.strip()) == (0, f"forebear {__version__}")


def test_help_of_a_command_shows_its_examples_and_the_options_of_all(forebear: CommandLine) -> None:
    said = forebear("lineage", "show", "--help")
    assert said.code == 0
    assert "forebear lineage show models:/vision/digits/2" in said.out
    for option in ("--home", "--as", "--output", "--depth"):
        assert option in said.out


def test_a_directory_without_a_registry_says_how_to_create_one(forebear: CommandLine) -> None:
    said = forebear("model", "list")
    assert said.code == 8
    assert said.err.startswith("Error: There is no registry folder at")
    assert f"Create one: forebear --home {forebear.home} init" in said.err
    assert "[no-home]" in said.err
    assert not said.out


@pytest.mark.parametrize("words", [("--output", "json", "model", "list"), ("model", "list", "--output", "json")])
def test_in_json_a_failure_is_a_problem_object_on_standard_error(forebear: CommandLine, words: tuple[str, ...]) -> None:
    said = forebear(*words)
    assert said.code == 8
    assert said.out == ""
    assert said.problem["code"] == "no-home"
    assert said.problem["status"] == 503
    assert said.problem["remedy"] == f"Create one: forebear --home {forebear.home} init"


def test_a_setting_that_cannot_be_read_fails_with_one_sentence(
    forebear: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOREBEAR_THREADS", "many")
    said = forebear("model", "list", "-o", "json")
    assert said.code == 2
    assert json.loads(said.err)["detail"] == "FOREBEAR_THREADS must be a whole number, not 'many'"


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


def _helps() -> list[tuple[str, ...]]:
    paths = [tuple(path.split()[1:]) for path, _ in reference.commands()]
    return sorted({path[:length] for path in paths for length in range(len(path) + 1)})


@pytest.mark.parametrize("words", _helps(), ids=" ".join)
def test_no_help_shows_a_type_of_the_programming_language(forebear: CommandLine, words: tuple[str, ...]) -> None:
    said = forebear(*words, "--help")
    assert said.code == 0
    for type_ in ("<bool>", "<str>", "<path>", "<int", "<float"):
        assert type_ not in said.out


def test_the_options_of_every_command_are_called_global(forebear: CommandLine) -> None:
    assert "Global options" in forebear("--help").out
    assert "Show version and exit." in forebear("--help").out


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("version", "forebear --version"),
        ("verson", "forebear --version"),
        ("help", "forebear --help"),
        ("modle", "forebear model"),
        ("Dataset", "forebear dataset"),
        ("import", "forebear model import"),
        ("approve", "forebear promote approve, forebear waiver approve or forebear policy approve"),
    ],
)
def test_an_unknown_command_is_answered_with_what_was_meant(forebear: CommandLine, word: str, meant: str) -> None:
    assert f"There is no command {word!r}. Did you mean {meant}?" in forebear(word).err


def test_a_word_that_is_near_to_nothing_gets_no_suggestion(forebear: CommandLine) -> None:
    assert "Did you mean" not in forebear("persuasion").err


@pytest.mark.parametrize("variable", [False, True])
def test_a_url_is_not_a_registry_folder_and_makes_no_folder(
    forebear: CommandLine, monkeypatch: pytest.MonkeyPatch, variable: bool
) -> None:
    here = forebear.home.parent
    url = "http://models.example:8765"
    if variable:
        monkeypatch.setenv("FOREBEAR_HOME", url)
    said = forebear(*(() if variable else ("--home", url)), "init")
    assert said.code == 2
    assert said.err.startswith(f"Error: {url!r} is a URL, not a registry folder")
    assert list(here.iterdir()) == []


def test_a_file_is_not_a_registry_folder(forebear: CommandLine) -> None:
    file = forebear.home.parent / "notes.txt"
    file.write_text("notes")
    assert "is a file, not a registry folder" in forebear("--home", file, "init").err


def test_an_unknown_user_sees_who_the_known_users_are(forebear: CommandLine) -> None:
    forebear("init")
    forebear("person", "add", "ben")
    said = forebear("--as", "root", "model", "list")
    assert said.code == 9
    assert said.err.startswith("Error: Unknown user 'root'; the people of this registry are ana, ben\n")
    assert "forebear --as ana" in said.err
