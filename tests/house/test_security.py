"""The page of attacks names tests that exist, and what it says of the code as a whole is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_a_test_that_the_page_names_exists(file: str, test: str) -> None:
    assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")


def test_every_attack_has_a_row_with_a_test_or_a_reason() -> None:
    rows = re.findall(r"^\| (\d+) \|.*\| (.+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 30))
    assert [number for number, test in rows if not test.startswith("`tests/")] == []


def test_no_shell_is_used() -> None:
    for path in (one for folder in ("registry", "adapters", "lineage") for one in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                shell = [word.value for word in node.keywords if word.arg == "shell"]
                assert not shell, f"{path}:{node.lineno} uses a shell"
                assert name not in {"os.system", "os.popen", "subprocess.getoutput"}, f"{path}:{node.lineno}: {name}"
