"""Whatever the documentation tells people to type is read by the parser that will read it when they do."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.exceptions import TyperException

from registry.cli.app import app
from tests.house.tree import ROOT, pages

FENCE = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`(forebear [^`\n]+)`")
SHELL = {">", ">>", "<", "|", "&&", ";"}
GUIDES = [page for page in pages() if page.parent in {ROOT, ROOT / "docs"} and page.name != "CHANGELOG.md"]


def typed(page: Path) -> Iterator[str]:
    """The command lines in the page's fenced blocks, joined where they go on."""
    for block in FENCE.findall(page.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            said = line.strip().removeprefix("$ ")
            if said.startswith("forebear "):
                yield said


def spoken(page: Path) -> Iterator[str]:
    """The commands that the page's sentences name; they may leave arguments out."""
    yield from SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


def words_of(line: str) -> list[str]:
    """What the shell would hand to `forebear`."""
    words = shlex.split(line, comments=True)[1:]
    cut = next((place for place, word in enumerate(words) if word in SHELL), len(words))
    return words[:cut]


@functools.cache
def tree_of_commands(*, whole: bool) -> Any:
    """All commands, none of which runs. What is not `whole` may lack arguments and stop at a group."""
    root: Any = typer.main.get_command(app)  # a tree of its own, so it may be changed
    stack = [root]
    while stack:
        command = stack.pop()
        command.callback = lambda **_: None
        for parameter in command.params:
            parameter.callback = None  # that of --install-completion would install it
        if not whole:
            command.no_args_is_help, command.invoke_without_command = False, True
            for parameter in command.params:
                parameter.required = False
        stack += getattr(command, "commands", {}).values()
    return root


def parse(words: list[str], *, whole: bool) -> None:
    """Parse, and run nothing. Raises: TyperException."""
    tree_of_commands(whole=whole).main(words, prog_name="forebear", standalone_mode=False)


def wrong(lines: Iterator[str], *, whole: bool) -> list[str]:
    """The lines that cannot be typed so, each with what the parser says."""
    found = []
    for line in lines:
        try:
            parse(words_of(line), whole=whole)
        except TyperException as error:
            found.append(f"{line}: {error.format_message()}")
    return found


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_line_of_the_documentation_can_be_typed(page: Path) -> None:
    assert wrong(typed(page), whole=True) == []
    assert wrong(spoken(page), whole=False) == []


def test_command_lines_are_found_in_the_documentation() -> None:
    assert sum(len(list(typed(page))) for page in GUIDES) > 50
    assert "forebear init" in list(typed(ROOT / "README.md"))


@pytest.mark.parametrize(
    "line",
    [
        "forebear modle list",
        "forebear model list --limt 3",
        "forebear model show",
        "forebear promote request vision/digits/2",
        "forebear init here",
        "forebear transfer list --state fnished",
    ],
)
def test_what_cannot_be_typed_is_noticed(line: str) -> None:
    assert wrong(iter([line]), whole=True)


def test_a_sentence_may_leave_arguments_out_but_names_nothing_that_is_not_there() -> None:
    assert wrong(iter(["forebear model", "forebear model pull", "forebear --home X doctor"]), whole=False) == []
    assert wrong(iter(["forebear model pul", "forebear model pull --into X"]), whole=False)
