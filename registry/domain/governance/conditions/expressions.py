"""Conditions of a policy, in CEL (Common Expression Language): no loops, no input or output, a limited number of steps.

`Expression('metrics.accuracy >= 0.9').holds(Scope({"metrics": {"accuracy": 0.93}}))` is true. An expression that cannot
be evaluated never holds: it raises `UnanswerableError` with the reason, and the check fails with that reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from registry.domain.governance.conditions.evaluation import Code, Meter, compiled
from registry.domain.governance.conditions.functions import FUNCTIONS
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.conditions.syntax import Call, Node, Variable, Walk, nodes, parse
from registry.domain.text import did_you_mean
from registry.errors import BadPolicyError

VARIABLES = (
    "subject",
    "lineage",
    "findings",
    "ancestors",
    "datasets",
    "licence",
    "compute",
    "metrics",
    "baseline",
    "quality",
    "forgetting",
    "similarity",
    "transfer",
    "evidence",
    "tier",
    "params",
)
"""The variables of an expression; `docs/policies.md` says what is in each."""
NAMED_OTHERWISE = {
    "conflicts": "licence.conflicts.commercial or licence.conflicts.derivatives, which are numbers",
}
"""Calls of other policy languages that are no calls here. What is read by another name is in `other_names`."""
OPERATORS = frozenset(
    ("&&", "||", "?", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%", "neg", "!", "[]")
)


class Scope:
    """The facts that expressions are evaluated on: JSON values by variable name. All share one budget of steps."""

    def __init__(self, facts: Mapping[str, object], *, empty_is_true: bool = False) -> None:
        self._facts, self.meter, self._shown = dict(facts), Meter(), Meter()
        self._empty_is_true = empty_is_true

    def evaluate(self, text: str, *, empty_is_true: bool = False) -> object:
        """What the expression gives. Raises: UnanswerableError; BadPolicyError when it cannot be read."""
        return self._evaluated(text, self.meter, empty_is_true)

    def value(self, text: str) -> object:
        """What any piece of an expression gives, for people: it uses nothing of the budget of the conditions.

        Raises: UnanswerableError, also when it cannot be read.
        """
        try:
            return self._evaluated(text, self._shown, False)
        except BadPolicyError as error:
            raise UnanswerableError(error.message) from error

    def _evaluated(self, text: str, meter: Meter, empty_is_true: bool) -> object:
        meter.begin(empty_is_true=empty_is_true or self._empty_is_true)
        return _code_of(text)(self._facts, meter)


@dataclass(frozen=True, slots=True)
class Expression:
    """One CEL expression that gives true or false. Raises: BadPolicyError when it is none, or names what is not there.

    With `empty_is_true`, `all` over an empty list is true; otherwise it gives no answer.
    """

    text: str
    empty_is_true: bool = False

    def __post_init__(self) -> None:
        _check_names(self.tree, self.text)

    @property
    def tree(self) -> Node:
        """What it says."""
        return tree_of(self.text)

    def holds(self, scope: Scope) -> bool:
        """True or false, nothing else. Raises: UnanswerableError, also when it gives anything but a truth value."""
        value = scope.evaluate(self.text, empty_is_true=self.empty_is_true)
        if not isinstance(value, bool):
            raise UnanswerableError(f"it gives {str(value)[:80]!r}, not true or false")
        return value

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=512)
def tree_of(text: str) -> Node:
    """The tree of `text`, kept. Raises: BadPolicyError."""
    return parse(text)


@lru_cache(maxsize=512)
def _code_of(text: str) -> Code:
    # By text, not by tree: trees with 1, 1.0 and true in one place are equal in Python.
    return compiled(tree_of(text))


def _check_names(tree: Node, text: str) -> None:
    """Refuse a misspelt name when the policy is read: it would fail at every evaluation."""
    everything = list(nodes(tree))
    bound = {node.variable for node in everything if isinstance(node, Walk)}
    for node in everything:
        if isinstance(node, Variable) and node.name not in VARIABLES and node.name not in bound:
            hint = _here(node.name) or did_you_mean(node.name, VARIABLES)
            raise BadPolicyError(f"{text[:120]!r} uses {node.name!r}, which is not a variable{hint}")
        if isinstance(node, Call) and node.function not in OPERATORS:
            known = node.function == "has" if node.method else False
            if not known and node.function not in FUNCTIONS:
                hint = _here(node.function) or did_you_mean(node.function, FUNCTIONS)
                raise BadPolicyError(f"{text[:120]!r} calls {node.function!r}, which is not a function{hint}")


def _here(name: str) -> str:
    """What a fact that is named `name` elsewhere is named here."""
    return f": write {NAMED_OTHERWISE[name]}" if name in NAMED_OTHERWISE else ""
