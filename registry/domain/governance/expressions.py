"""Conditions of a policy, in CEL (Common Expression Language): no loops, no input or output, typed errors.

`Expression('metrics.accuracy >= 0.9').holds(Scope({"metrics": {"accuracy": 0.93}}))` is true. An expression that cannot
be evaluated never holds: it raises `UnanswerableError` with the reason, and the check fails with that reason.

The size of an expression is capped, so that the costliest one that a policy can hold takes about a tenth of a second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from registry.domain.text import did_you_mean
from registry.errors import BadPolicyError

MAX_LENGTH = 1000
"""Characters in one expression."""
MAX_DEPTH = 16
"""Brackets within brackets."""
MAX_MACROS = 2
"""Walks over a list (`all`, `exists`, …) in one expression: nested, they multiply."""

VARIABLES = ("subject", "lineage", "licence", "metrics", "baseline", "transfer", "evidence", "params")
"""The variables of an expression; `docs/policies.md` says what is in each."""

_MACRO = re.compile(r"\b(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")
_TYPES = ("int", "uint", "double", "string", "bytes", "timestamp", "duration")
_FUNCTIONS = frozenset(("size", "has", "contains", "startsWith", "endsWith", "matches", "max", "min", *_TYPES))


class UnanswerableError(Exception):
    """The expression cannot be evaluated on these facts; the message says why. It then counts as not fulfilled."""


class Scope:
    """The facts that expressions are evaluated on: JSON values by variable name."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        import cel  # noqa: PLC0415 - 0.2 s, and only governance needs it

        self._context = cel.Context(variables=dict(facts), functions={"has": _has})

    def evaluate(self, program: Any) -> object:
        """What the program gives. Raises: UnanswerableError."""
        try:
            return program.execute(self._context)
        except KeyError as error:
            raise UnanswerableError(f"{str(error.args[0])!r} is missing") from error
        except ZeroDivisionError as error:
            raise UnanswerableError("it divides by zero") from error
        except TypeError as error:
            raise UnanswerableError("it compares or combines values of different types") from error
        except Exception as error:  # any failure of the evaluator is a failed check, with its message
            raise UnanswerableError(str(error).partition(". ")[0]) from error

    def value(self, text: str) -> object:
        """What any piece of an expression gives. Raises: UnanswerableError, also when it cannot be compiled."""
        try:
            return self.evaluate(_compile(text))
        except BadPolicyError as error:
            raise UnanswerableError(error.message) from error


@dataclass(frozen=True, slots=True)
class Expression:
    """One CEL expression that gives true or false. Raises: BadPolicyError when it cannot be compiled."""

    text: str

    def __post_init__(self) -> None:
        _check_size(self.text)
        _check_names(_compile(self.text), self.text)

    def holds(self, scope: Scope) -> bool:
        """True or false, nothing else. Raises: UnanswerableError, also when it gives anything but a truth value."""
        value = scope.evaluate(_compile(self.text))
        if not isinstance(value, bool):
            raise UnanswerableError(f"it gives {str(value)[:80]!r}, not true or false")
        return value

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=512)
def _compile(text: str) -> Any:
    import cel  # noqa: PLC0415 - 0.2 s, and only governance needs it

    try:
        return cel.compile(text)
    except ValueError as error:
        why = str(error).partition("Syntax error: ")[2].partition("\n")[0]
        why = why.partition(" expecting ")[0] or "it cannot be read"
        raise BadPolicyError(f"{text[:120]!r} is not a CEL expression: {why}") from error


def _check_size(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise BadPolicyError(
            f"An expression is longer than {MAX_LENGTH:,} characters", remedy="Split it into two gates"
        )
    depth = deepest = 0
    for char in text:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise BadPolicyError(f"An expression nests brackets deeper than {MAX_DEPTH}", remedy="Split it into two gates")
    if len(_MACRO.findall(text)) > MAX_MACROS:
        raise BadPolicyError(
            f"An expression walks more than {MAX_MACROS} lists with all, exists, map or filter",
            remedy="Split it into two gates",
        )


def _check_names(program: Any, text: str) -> None:
    """Refuse a misspelt name when the policy is read: it would fail at every evaluation."""
    bound = set(_MACRO.findall(text))
    for name in program.variables():
        if name not in VARIABLES and name not in bound:
            hint = did_you_mean(name, VARIABLES)
            raise BadPolicyError(f"{text[:120]!r} uses {name!r}, which is not a variable{hint}")
    for name in program.functions():
        if not name.startswith("_") and name not in _FUNCTIONS and not name.startswith(("@", "!", "-")):
            hint = did_you_mean(name, _FUNCTIONS)
            raise BadPolicyError(f"{text[:120]!r} calls {name!r}, which is not a function{hint}")


def _has(holder: object, name: object) -> bool:
    """`evidence.has("model_card")`; CEL's own macro `has(metrics.f1)` is another thing and still works."""
    return isinstance(holder, Mapping) and name in holder
