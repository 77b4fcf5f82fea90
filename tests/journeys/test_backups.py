"""What the guide says about backups, typed as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.command_line import command_line
from tests.house.tree import ROOT
from tests.journeys import worlds

pytestmark = pytest.mark.journey


def documented(place: Path) -> list[list[str]]:
    """The commands of the section, with a folder of the test for that of the guide."""
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^## Backup and restore\n+```sh\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    lines = block.replace("/backup/models", str(place)).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_commands_of_the_guide_back_up_and_restore_a_registry(tmp_path: Path) -> None:
    with command_line(tmp_path) as forebear:
        forebear.ask("init")
        said = ("--task", "feature-extraction", "--modality", "text", "--licence", "MIT")
        forebear.ask("model", "import", "library/tiny", worlds.write_source(tmp_path), *said)
        commands = documented(tmp_path / "backup")
        assert [words[-2] for words in commands[:2]] == ["create", "verify"]
        for words in commands:
            answer = forebear(*words)
            assert answer.code == 0, (words, answer)
        before = forebear.ask("model", "show", "library/tiny/1")
        assert forebear.ask("--home", "restored", "model", "show", "library/tiny/1") == before
        assert forebear.refused("--home", "restored", "backup", "restore", tmp_path / "backup")["code"] == "conflict"
