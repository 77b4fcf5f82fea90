"""Numbers, times and tables as people read them."""

from __future__ import annotations

import pytest

from registry.cli import printing
from registry.cli.session import Output, Session
from registry.settings import Settings


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "yes"),
        (0.93456, "0.9346"),
        ({"team": "vision", "flag": ""}, "team=vision, flag"),
        ((1, 2), "1, 2"),
    ],
)
def test_values_are_written_plainly(value: object, shown: str) -> None:
    assert printing.plain(value) == shown


def test_a_table_in_a_pipe_is_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "sha256:" + "a" * 64
    printing.table(("Name", ">Digest"), [("digits", long), ("news", long)], empty="none")
    said = capsys.readouterr().out
    assert said.count(long) == 2


def test_markup_in_what_people_wrote_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    printing.table(("Name",), [("[bold red]not markup[/]",)], empty="none")
    printing.facts("[red]title", {"key": "[link=x]value[/link]", "empty": ""})
    said = capsys.readouterr().out
    assert "[bold red]not markup[/]" in said
    assert "[red]title" in said
    assert "[link=x]value[/link]" in said
    assert "empty" not in said


def test_an_empty_table_says_so_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    printing.table(("Name",), [], empty="There are no models.")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "There are no models.\n")


@pytest.mark.parametrize(
    "words", [("model", "list"), ("model", "list", "--cursor", "old"), ("model", "list", "--cursor=old")]
)
def test_the_command_for_the_next_page_is_the_same_with_the_new_cursor(words: tuple[str, ...]) -> None:
    session = Session(Settings(), Output.TABLE, words)
    assert session.again("--cursor", "new one") == "forebear model list --cursor 'new one'"
