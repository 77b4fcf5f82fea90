"""Messages for people begin with a capital letter or a quoted name, and end without a full stop."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry import errors
from tests.house.tree import ROOT, modules

KINDS = {name for name in vars(errors) if name.endswith("Error")} - {"RegistryError"}
CLAUSES = {
    "adapters/weights/foreign/pickles.py": "follows 'FILE cannot be read: '",
    "registry/domain/governance/expressions.py": "follows 'It is unknown whether the gate NAME applies: '",
    "registry/domain/recipes/params.py": "follows the line of a recipe",
}
"""Modules whose errors are the end of a sentence that another module begins."""


def messages(path: Path) -> Iterator[tuple[int, str, str]]:
    """Line, beginning and end of every message and remedy that the module gives to an error."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            given = [*node.args[:1], *(one.value for one in node.keywords if one.arg in {"message", "remedy"})]
            for text in given:
                begin, end = _begin(text), _end(text)
                if begin or end:
                    yield node.lineno, begin, end


def _begin(node: ast.expr) -> str:
    """What a string begins with; empty where that is a value."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[first, *_]):
            return _begin(first)
        case ast.BinOp(left=left):
            return _begin(left)
        case ast.IfExp(body=body):
            return _begin(body)
    return ""


def _end(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[*_, last]):
            return _end(last)
        case ast.BinOp(right=right):
            return _end(right)
    return ""


@pytest.mark.parametrize(
    "path", modules("registry", "adapters", "lineage"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_message_of_an_error_is_a_sentence(path: Path) -> None:
    found = [] if str(path.relative_to(ROOT)) in CLAUSES else list(messages(path))
    assert [f"line {line}: {begin[:60]}" for line, begin, _ in found if begin[:1].islower()] == []
    assert [f"line {line}: {end[-60:]}" for line, _, end in found if end.endswith(".")] == []


def test_a_message_that_begins_in_the_middle_of_a_sentence_is_found(tmp_path: Path) -> None:
    module = tmp_path / "one.py"
    module.write_text('raise InvalidError(f"the name {x} is long.", remedy="Shorten it")\n')
    assert list(messages(module)) == [(1, "the name ", " is long."), (1, "Shorten it", "Shorten it")]
