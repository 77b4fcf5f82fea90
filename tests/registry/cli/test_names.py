"""A name that has no version yet, from the command line."""

from __future__ import annotations

from tests.command_line import CommandLine


def test_a_name_without_a_version_gets_another_and_keeps_what_was_said_of_it(forebear: CommandLine) -> None:
    forebear("init")
    forebear("model", "create", "vision/leters", "--description", "Reads letters", "--tag", "team=cv")
    told = forebear("model", "create", "vision/letters", "--instead-of", "vision/leters", "--tag", "a=b").out
    assert "Renamed vision/leters to vision/letters" in told
    (shown,) = forebear.ask("model", "list")["items"]
    assert (shown["name"], shown["description"]) == ("vision/letters", "Reads letters")
    assert shown["tags"] == {"team": "cv", "a": "b"}
    assert forebear.refused("model", "create", "vision/x", "--instead-of", "vision/leters")["code"] == "not-found"
