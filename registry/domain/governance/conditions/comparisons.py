"""The values that a condition compared, for people: `0.892 ≥ 0.25` or `lineage.recalled = 1`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from registry.domain.governance.conditions.expressions import VARIABLES, Scope
from registry.domain.governance.conditions.problems import UnanswerableError

MAX_LENGTH = 200
"""Characters of one answer."""

_FACT = re.compile(rf"\b(?:{'|'.join(VARIABLES)})(?:\.[A-Za-z_]\w*)+(?![\w(])")
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'")
_ORDER = re.compile(r"(?<![<>=!])(<=|>=|<|>)(?!=)")
_SIGNS = {">=": ("≥", "<"), "<=": ("≤", ">"), ">": (">", "≤"), "<": ("<", "≥")}
"""Each operator as it is written when the comparison holds, and when it does not."""


def compared(condition: str, scope: Scope) -> str:
    """The comparisons of `condition` with their values, so that what is written is true; empty where none is known.

    Numbers in order are written as such (`0.42 < 0.45`); of anything else the facts are named with their values.
    """
    parts = [part.strip() for part in _split(condition)]
    found = [text for part in parts for text in (_ordered(part, scope) or _facts(part, scope))]
    return ", ".join(dict.fromkeys(found))[:MAX_LENGTH]


def _split(condition: str) -> Iterator[str]:
    """The parts joined by `&&`; the whole where brackets, `||` or `?` make the parts depend on each other."""
    bare = _STRING.sub(lambda match: "s" * len(match.group()), condition)
    if "||" in bare or "?" in bare or "(" in bare:
        yield condition
        return
    start = 0
    for match in re.finditer("&&", bare):
        yield condition[start : match.start()]
        start = match.end()
    yield condition[start:]


def _ordered(part: str, scope: Scope) -> list[str]:
    """`0.892 ≥ 0.25` for one comparison of two numbers by order; nothing for anything else."""
    bare = _STRING.sub(lambda match: "s" * len(match.group()), part)
    if any(sign in bare for sign in ("&&", "||", "?")) or len(_ORDER.findall(bare)) != 1:
        return []
    (match,) = _ORDER.finditer(bare)
    if match.start() == 0 or _inside_brackets(bare, match.start()):
        return []
    left, right = _value(part[: match.start()], scope), _value(part[match.end() :], scope)
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return []
    holds = {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}[match.group()]
    one, other = _written(left), _written(right)
    if one == other and left != right:
        one, other = repr(left), repr(right)
    return [f"{one} {_SIGNS[match.group()][not holds]} {other}"]


def _inside_brackets(text: str, place: int) -> bool:
    return sum((char in "([{") - (char in ")]}") for char in text[:place]) != 0


def _facts(part: str, scope: Scope) -> list[str]:
    """Each fact that is named, with its value where that is one word or number."""
    bare = _STRING.sub(lambda match: " " * len(match.group()), part)
    values = {name: _value(name, scope) for name in _FACT.findall(bare) if not name.startswith("params.")}
    return [f"{name} = {_written(value)}" for name, value in values.items() if isinstance(value, str | int | float)]


def _value(text: str, scope: Scope) -> object:
    try:
        return scope.value(text.strip())
    except UnanswerableError:
        return None


def _written(value: str | float) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value[:60]
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.4g}"
