"""The lines of a policy file that ask for a check, to be shown beside its outcome."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping

import yaml

_ROWS = {"evidence": ("evidence", "type"), "gate": ("gates", "id"), "approval": ("approvals", "role")}
"""By kind of check: the list of a transition that it comes from, and the key that is its id."""
LONGEST = 2000
"""Characters of an excerpt."""


def excerpts(text: str, source: str, target: str) -> Mapping[tuple[str, str], str]:
    """By kind and id of a check, what the file says on the way from `source` to `target`, as it is written.

    Several rows of one id, as approvals of one role under different conditions, are given one after another. A request
    to approve a version again in its stage is judged by every way into it: give `source` as empty.
    """
    found: dict[tuple[str, str], list[str]] = {}
    lines = text.splitlines()
    for transition in _items(_get(yaml.compose(text, yaml.SafeLoader), "transitions")):
        if _word(transition, "to") != target or (source and _word(transition, "from") != source):
            continue
        for kind, (key, name) in _ROWS.items():
            for row in _items(_get(transition, key)):
                found.setdefault((kind, _word(row, name)), []).append(_written(lines, row))
    return {key: "\n".join(dict.fromkeys(parts))[:LONGEST] for key, parts in found.items()}


def _written(lines: list[str], row: yaml.Node) -> str:
    begin, end = row.start_mark, row.end_mark
    if begin.line == end.line:
        return lines[begin.line][begin.column : end.column]
    block = [" " * begin.column + lines[begin.line][begin.column :], *lines[begin.line + 1 : end.line]]
    return textwrap.dedent("\n".join(block)).rstrip()


def _items(node: yaml.Node | None) -> Iterator[yaml.Node]:
    yield from node.value if isinstance(node, yaml.SequenceNode) else ()


def _get(node: yaml.Node | None, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)


def _word(node: yaml.Node, key: str) -> str:
    value = _get(node, key)
    return str(value.value) if isinstance(value, yaml.ScalarNode) else ""
