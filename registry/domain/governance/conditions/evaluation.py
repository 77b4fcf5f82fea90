"""Evaluates the tree of an expression on facts, in counted steps.

The semantics are CEL's: an error in one operand of `&&` or `||` does not matter where the other decides; integers and
doubles compare but do not mix in arithmetic. One rule is stricter: `all` over an empty list gives no answer.

Cost: one step per node, and more where a value is walked, compared or searched, by its size. The count depends on the
tree and the facts alone, so the same condition on the same facts always costs the same.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from registry.domain.governance.conditions import functions
from registry.domain.governance.conditions.problems import EmptyWalkError, TooCostlyError, UnanswerableError
from registry.domain.governance.conditions.syntax import Call, ListOf, Literal, MapOf, Node, Select, Variable, Walk

MAX_STEPS = 20_000
"""Steps of one expression: a walk over 2,000 numbers takes 6,000, a few milliseconds."""
MAX_TOTAL = 100_000
"""Steps of all expressions that are evaluated for one verdict."""
CHARACTERS = 64
"""Characters of text that cost one step where they are searched or joined."""
_INT = 2**63


@dataclass(slots=True)
class Meter:
    """Counts steps. Raises: TooCostlyError when the expression, or all of them together, take more than allowed."""

    total: int = 0
    used: int = 0

    def begin(self) -> None:
        """A new expression."""
        self.used = 0

    def charge(self, steps: int = 1) -> None:
        """Count so many steps."""
        self.used += steps
        self.total += steps
        if self.used > MAX_STEPS:
            raise TooCostlyError(f"it takes more than {MAX_STEPS:,} steps")
        if self.total > MAX_TOTAL:
            raise TooCostlyError(f"the conditions of this policy take more than {MAX_TOTAL:,} steps together")


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Evaluates trees on `facts`. With `empty_is_true`, `all` holds over nothing, as CEL has it."""

    facts: Mapping[str, object]
    meter: Meter
    empty_is_true: bool = False
    bound: Mapping[str, object] = field(default_factory=dict)

    def value(self, node: Node) -> Any:
        """What the expression gives. Raises: UnanswerableError."""
        self.meter.charge()
        match node:
            case Literal(value=value):
                return value
            case Variable(name=name):
                return self._variable(name)
            case Select(holder=holder, field=name, asked=asked):
                return self._select(self.value(holder), name, asked=asked)
            case Call():
                return self._call(node)
            case Walk():
                return self._walk(node)
            case ListOf(items=items):
                return [self.value(item) for item in items]
            case MapOf(entries=entries):
                return {_key(self.value(key)): self.value(value) for key, value in entries}
        raise UnanswerableError("it cannot be evaluated")

    def _call(self, node: Call) -> object:
        match node:
            case Call(function="&&" | "||" as sign, arguments=operands):
                return self._joined(operands, decides=sign == "||")
            case Call(function="?", arguments=(condition, first, second)):
                return self.value(first if _truth(self.value(condition)) else second)
        return self._applied(node.function, [self.value(one) for one in node.arguments], method=node.method)

    def _variable(self, name: str) -> object:
        if name in self.bound:
            return self.bound[name]
        if name not in self.facts:
            raise UnanswerableError(f"{name!r} is not a variable")
        return self.facts[name]

    def _select(self, holder: object, name: str, *, asked: bool) -> object:
        if not isinstance(holder, Mapping):
            raise UnanswerableError(f"it reads {name!r} of a value that has no fields")
        if asked:
            return name in holder
        if name not in holder:
            raise UnanswerableError(f"{name!r} is missing")
        return holder[name]

    def _joined(self, operands: tuple[Node, ...], *, decides: bool) -> bool:
        """`||` is true as soon as one operand is, `&&` false as soon as one is not; an error matters otherwise."""
        doubt: UnanswerableError | None = None
        for operand in operands:
            try:
                if _truth(self.value(operand)) is decides:
                    return decides
            except TooCostlyError:
                raise
            except UnanswerableError as error:
                doubt = doubt or error
        if doubt is not None:
            raise doubt
        return not decides

    def _walk(self, walk: Walk) -> object:
        items = self.value(walk.items)
        if not isinstance(items, list | Mapping):
            raise UnanswerableError(f"{walk.kind} walks a list, and this is none")
        if walk.kind == "all" and not items and not self.empty_is_true:
            raise EmptyWalkError("all(…) is asked of an empty list")
        match walk.kind:
            case "all" | "exists":
                return self._quantified(walk, list(items))
            case "exists_one":
                return sum(_truth(self._body(walk, item)) for item in items) == 1
            case "filter":
                return [item for item in items if _truth(self._body(walk, item))]
        kept = [item for item in items if walk.condition is None or _truth(self._body(walk, item, walk.condition))]
        return [self._body(walk, item) for item in kept]

    def _quantified(self, walk: Walk, items: list[object]) -> bool:
        decides, doubt = walk.kind == "exists", None
        for item in items:
            try:
                if _truth(self._body(walk, item)) is decides:
                    return decides
            except TooCostlyError:
                raise
            except UnanswerableError as error:
                doubt = doubt or error
        if doubt is not None:
            raise doubt
        return not decides

    def _body(self, walk: Walk, item: object, body: Node | None = None) -> Any:
        within = Evaluator(self.facts, self.meter, self.empty_is_true, {**self.bound, walk.variable: item})
        return within.value(body if body is not None else walk.body)

    def _applied(self, name: str, values: list[Any], *, method: bool) -> object:
        if name == "has" and method and len(values) == 2:
            return isinstance(values[0], Mapping) and isinstance(values[1], str) and values[1] in values[0]
        if name not in _AT_ONCE and not (name == "in" and isinstance(values[1], Mapping)):
            self.meter.charge(_weight(values))
        if name in _OPERATORS:
            return _OPERATORS[name](*values)
        return functions.call(name, values)


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise UnanswerableError(f"it takes {str(value)[:80]!r} for true or false")
    return value


def _weight(values: list[object]) -> int:
    """The steps that searching, comparing or copying `values` costs beyond one; counted no further than is allowed."""
    waiting, steps = list(values), 0
    while waiting and steps <= MAX_STEPS:
        value = waiting.pop()
        if isinstance(value, str | bytes):
            steps += len(value) // CHARACTERS
        elif isinstance(value, list | Mapping):
            steps += len(value)
            waiting.extend(value.values() if isinstance(value, Mapping) else value)
    return steps


def _alike(one: object, other: object) -> bool:
    """Equality as CEL has it: numbers by value whatever their type, else the same type and the same value."""
    if _is_number(one) and _is_number(other):
        return one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_alike(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in(value: object, holder: object) -> bool:
    if isinstance(holder, Mapping):
        return any(_alike(value, key) for key in holder) if not isinstance(value, str) else value in holder
    if isinstance(holder, list):
        return any(_alike(value, item) for item in holder)
    raise UnanswerableError("`in` asks for a list or a map")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def check(one: object, other: object) -> bool:
        same = type(one) is type(other) and isinstance(one, bool | str | bytes | datetime | timedelta)
        if not same and not (_is_number(one) and _is_number(other)):
            raise UnanswerableError("it compares or combines values of different types")
        return compare(one, other)

    return check


def _arithmetic(compute: Callable[[Any, Any], Any], *kinds: type) -> Callable[[Any, Any], object]:
    def calculate(one: object, other: object) -> object:
        moment = isinstance(one, datetime | timedelta) and isinstance(other, datetime | timedelta)
        if not moment and (type(one) is not type(other) or not isinstance(one, kinds) or isinstance(one, bool)):
            raise UnanswerableError("it compares or combines values of different types")
        if moment and datetime not in kinds:
            raise UnanswerableError("it calculates with times")
        try:
            return _fitting(compute(one, other))
        except ZeroDivisionError as error:
            raise UnanswerableError("it divides by zero") from error
        except (TypeError, OverflowError) as error:
            raise UnanswerableError("it compares or combines values of different types") from error

    return calculate


def _fitting(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT <= value < _INT:
        raise UnanswerableError("its number is too large")
    return value


def _divide(one: Any, other: Any) -> Any:
    """Integers towards zero; doubles as IEEE 754 has it."""
    if isinstance(one, int):
        whole = abs(one) // abs(other)
        return whole if (one < 0) == (other < 0) else -whole
    if other == 0:
        return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one) * math.copysign(1, other)
    return one / other


def _rest(one: int, other: int) -> int:
    return one - other * int(_divide(one, other))


def _negative(value: object) -> object:
    if not _is_number(value):
        raise UnanswerableError("it compares or combines values of different types")
    return _fitting(-value)  # type: ignore[operator]


def _at(holder: object, key: object) -> object:
    if isinstance(holder, Mapping):
        if _key(key) not in holder:
            raise UnanswerableError(f"{str(key)[:80]!r} is missing")
        return holder[key]
    if not isinstance(holder, list) or not isinstance(key, int) or isinstance(key, bool):
        raise UnanswerableError("[…] asks for a list and a place, or a map and a key")
    if not 0 <= key < len(holder):
        raise UnanswerableError(f"the list has no place {key}")
    return holder[key]


def _key(value: object) -> object:
    if not isinstance(value, str | int):
        raise UnanswerableError("the key of a map is text, a whole number, or true or false")
    return value


_AT_ONCE = frozenset({"[]", "size", "!", "neg"})
"""What costs the same however large its values are."""
_OPERATORS: Mapping[str, Callable[..., object]] = {
    "==": _alike,
    "!=": lambda one, other: not _alike(one, other),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": _in,
    "+": _arithmetic(operator.add, int, float, str, bytes, list, datetime, timedelta),
    "-": _arithmetic(operator.sub, int, float, datetime, timedelta),
    "*": _arithmetic(operator.mul, int, float),
    "/": _arithmetic(_divide, int, float),
    "%": _arithmetic(_rest, int),
    "neg": _negative,
    "!": lambda value: not _truth(value),
    "[]": _at,
}
