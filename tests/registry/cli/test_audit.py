"""The commands for the audit log: those of docs/audit.md are run as they are written there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from registry.domain import verifier
from tests.command_line import CommandLine
from tests.house.test_command_lines import FENCE, words_of
from tests.house.tree import ROOT

GUIDE = FENCE.findall((ROOT / "docs" / "audit.md").read_text(encoding="utf-8"))
LINES = [line for block in GUIDE for line in block.splitlines() if not line.startswith(("openssl ", "curl "))]
"""Those of the timestamps are run by tests/registry/services/audit/test_stamping.py."""


def test_the_commands_of_the_guide_to_the_audit_log_do_what_it_says(
    forebear: CommandLine, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forebear("init").code == 0
    for command in ("person add eve", "person add ben", "role grant ben validator"):
        assert forebear(*command.split()).code == 0
    assert len(LINES) > 8
    for line in LINES:
        words = words_of(line)
        if line.startswith("python "):
            assert verifier.main(words[1:]) == 0, line
            continue
        said = forebear(*words)
        if words[0] in {"as-of", "annex-iv", "promote"} and words[-1] != "@production":
            # there is no model here: see tests/registry/web/governance and services/governance/reports
            told = ("had no version", "was not there", "does not exist", "There is no promotion request")
            assert (said.code, any(one in said.err for one in told)) == (3, True), said.err
            continue
        assert said.code == 0, (line, said.err)
        if ">" in line:
            Path(line.rpartition("> ")[2]).write_text(said.out, "utf-8")
    shown = capsys.readouterr().out
    assert "entries are intact" in shown
    assert "Entry 2 is in the log" in shown


def test_an_export_that_was_changed_is_refused_with_its_entry(forebear: CommandLine, tmp_path: Path) -> None:
    forebear("init")
    forebear("audit", "export", "--into", "copy")
    export = tmp_path / "copy" / "audit.jsonl"
    export.write_text(export.read_text("utf-8").replace("person:ana", "person:eve", 1), "utf-8")
    given = ("copy/audit.jsonl", "--checkpoint", "copy/checkpoints.txt", "--pubkey", "copy/public-keys.txt")
    problem = forebear.refused("audit", "verify", *given)
    assert (problem["code"], problem["facts"]["first_bad"]) == ("audit-broken", 1)
    shutil.copy(tmp_path / "copy" / "verify.py", export)
    assert "Line 1 is not an entry" in forebear.refused("audit", "verify", *given)["detail"]


WRONG = {
    "verify gone.jsonl": "gone.jsonl cannot be read: No such file or directory",
    "verify x.jsonl --checkpoint home/audit/checkpoints.txt": "Checkpoints are checked with public keys",
    "verify --pubkey x": "--checkpoint and --pubkey verify an export",
    "verify x.jsonl --state": "--state compares the database of a registry",
    "verify x.jsonl --pubkey no-key.txt": "is not a public key",
    "prove": "Name an entry or an earlier checkpoint, one of the two",
    "prove 999": "The audit log has no entry 999",
    "export --into home": "is not empty",
}


def test_what_cannot_be_done_is_said(forebear: CommandLine, tmp_path: Path) -> None:
    forebear("init")
    (tmp_path / "no-key.txt").write_text("no key\n")
    for words, message in WRONG.items():
        assert message in forebear.refused("audit", *words.split())["detail"], words
