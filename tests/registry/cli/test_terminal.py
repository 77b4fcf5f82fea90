"""What commands look like in a terminal: 80 or 120 columns wide, with few characters, or with a reader that leaves."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from rich.cells import cell_len

from registry.cli import main
from tests.command_line import CommandLine, command_line
from tests.family import Family, found_family

LISTS = {
    "model list": "name",
    "model search digits": "name",
    "model versions vision/digits": "",
    "dataset list": "name",
    "dataset versions vision/digits": "",
    "transfer list": "id",
    "evidence list models:/vision/digits/2": "id",
    "promote list": "id",
    "policy show": "name",
    "person list": "handle",
    "token list": "id",
    "audit show": "",
    "history vision/digits": "",
}
"""Every command that lists something, and the member of its JSON that its first column shows (empty: a number)."""
ROOT = Path(__file__).parents[3]
SHOWS = ("model show vision/digits", "model show models:/vision/digits/1", "dataset show vision/digits")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return found_family(tmp_path_factory.mktemp("terminal") / "home")


@pytest.fixture(scope="module")
def forebear(family: Family) -> Iterator[CommandLine]:
    with command_line(family.home.parent) as typed:
        yield typed


def shown(patch: pytest.MonkeyPatch, columns: int, *words: str) -> list[str]:
    """The lines on standard output of a terminal with so many columns."""
    patch.setenv("COLUMNS", str(columns))
    patch.setenv("TERM", "xterm")
    patch.setenv("NO_COLOR", "1")
    out = Terminal()
    with redirect_stdout(out), redirect_stderr(Terminal()), pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("line", LISTS)
def test_a_list_has_one_line_for_each_item_within_the_terminal(
    forebear: CommandLine, monkeypatch: pytest.MonkeyPatch, line: str, columns: int
) -> None:
    value = forebear.ask(*line.split())
    items = value["items"] if isinstance(value, dict) else value
    assert items
    heading, *rows = shown(monkeypatch, columns, *line.split())
    assert heading.split()
    assert len(rows) == len(items)
    assert max(map(cell_len, [heading, *rows])) <= columns
    if key := LISTS[line]:
        for row, item in zip(rows, items, strict=True):
            assert row.split()[0] == item.get(key, item.get("ref"))


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("line", SHOWS)
def test_no_word_of_a_value_is_broken_over_lines(
    forebear: CommandLine, monkeypatch: pytest.MonkeyPatch, line: str, columns: int
) -> None:
    whole = {word for row in forebear(*line.split()).out.splitlines() for word in row.split()}
    narrow = {word for row in shown(monkeypatch, columns, *line.split()) for word in row.split()}
    assert {word for word in narrow if "…" not in word} <= whole


def test_a_wide_pipe_gets_every_column_whole(forebear: CommandLine) -> None:
    said = forebear("audit", "show")
    assert "…" not in said.out.splitlines()[0]
    assert "Detail" in said.out


def typed(family: Family, *words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "registry.cli", "--home", str(family.home), "--as", "ana", *words],
        capture_output=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize(
    "words",
    [("--help",), ("promote", "list"), ("lineage", "show", "vision/digits/1"), ("model", "show", "nobody/no-é→")],
)
def test_characters_that_a_terminal_does_not_have_are_written_plainly(
    family: Family, words: tuple[str, ...], encoding: str
) -> None:
    run = typed(family, *words, PYTHONIOENCODING=encoding)
    assert b"Traceback" not in run.stderr
    assert run.stdout or run.stderr
    (run.stdout + run.stderr).decode(encoding)


def test_json_escapes_what_the_encoding_does_not_have(family: Family) -> None:
    forebear = ["person", "list", "--output", "json"]
    plain, ascii_ = typed(family, *forebear), typed(family, *forebear, PYTHONIOENCODING="ascii")
    assert json.loads(plain.stdout) == json.loads(ascii_.stdout.decode("ascii"))


def test_documents_in_a_pipe_are_utf_8_whatever_the_terminal(family: Family) -> None:
    words = ("model", "card", "models:/vision/digits/1")
    assert typed(family, *words, PYTHONIOENCODING="ascii").stdout == typed(family, *words).stdout != b""


@pytest.mark.parametrize(
    "words", [("--help",), ("audit", "show"), ("audit", "export"), ("person", "list", "-o", "json")]
)
def test_a_closed_pipe_ends_quietly(family: Family, words: tuple[str, ...]) -> None:
    read, write = os.pipe()
    os.close(read)  # whoever reads has gone before anything is written
    run = subprocess.run(
        [sys.executable, "-m", "registry.cli", "--home", str(family.home), "--as", "ana", *words],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(write)
    assert run.stderr == b""
    assert run.returncode == 1
