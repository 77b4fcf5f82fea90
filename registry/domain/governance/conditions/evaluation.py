"""Evaluates the tree of an expression on facts, in counted steps.

The semantics are CEL's: an error in one operand of `&&` or `||` does not matter where the other decides; integers and
doubles compare but do not mix in arithmetic. One rule is stricter: `all` over an empty list gives no answer.

Cost: one step per node, and more where a value is walked, compared or searched, by its size. The count depends on the
tree and the facts alone, so the same condition on the same facts always costs the same.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from registry.domain.governance.conditions import functions
from registry.domain.governance.conditions.problems import (
    EmptyWalkError,
    TooCostlyError,
    UnanswerableError,
    Untold,
    told,
)
from registry.domain.governance.conditions.syntax import Call, ListOf, Literal, Node, Select, Variable, Walk, children

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
    empty_is_true: bool = False
    """Whether `all` holds over nothing in this expression, as CEL has it."""

    def begin(self, *, empty_is_true: bool = False) -> None:
        """A new expression."""
        self.used, self.empty_is_true = 0, empty_is_true

    def charge(self, steps: int = 1) -> None:
        """Count so many steps."""
        self.used += steps
        self.total += steps
        if self.used > MAX_STEPS:
            raise TooCostlyError(f"it takes more than {MAX_STEPS:,} steps")
        if self.total > MAX_TOTAL:
            raise TooCostlyError(f"the conditions of this policy take more than {MAX_TOTAL:,} steps together")


Code = Callable[[dict[str, object], Meter], Any]
"""What gives the value of an expression for variables by name, and counts its steps. Raises: UnanswerableError."""


def compiled(node: Node) -> Code:
    """The code of `node`: made once, so that a walk over a long list looks at its tree once."""
    match node:
        case Literal(value=value):
            return _constant(value)
        case Variable(name=name):
            return _variable(name)
        case Select(holder=holder, field=name, asked=asked):
            return _asked(compiled(holder), name) if asked else _select(compiled(holder), name)
        case Call(function="&&" | "||" as sign, arguments=operands):
            return _joined([compiled(operand) for operand in operands], decides=sign == "||")
        case Call(function="?", arguments=(condition, first, second)):
            return _branches(compiled(condition), compiled(first), compiled(second))
        case Call():
            return _applied(node)
        case Walk():
            return _walk(node)
    parts = [compiled(child) for child in children(node)]
    return _list(parts) if isinstance(node, ListOf) else _map(parts)


def _constant(value: object) -> Code:
    def run(_: dict[str, object], meter: Meter) -> object:
        meter.charge()
        return value

    return run


def _variable(name: str) -> Code:
    def run(variables: dict[str, object], meter: Meter) -> object:
        meter.charge()
        if name not in variables:
            raise UnanswerableError(f"{name!r} is not a variable")
        return told(variables[name])

    return run


def _select(holder: Code, name: str) -> Code:
    def run(variables: dict[str, object], meter: Meter) -> object:
        meter.charge()
        found = _fields(holder(variables, meter), name)
        if name not in found:
            raise UnanswerableError(f"{name!r} is missing")
        return told(found[name])

    return run


def _asked(holder: Code, name: str) -> Code:
    def run(variables: dict[str, object], meter: Meter) -> bool:
        meter.charge()
        found = _fields(holder(variables, meter), name)
        return name in found and not isinstance(found[name], Untold)

    return run


def _fields(holder: object, name: str) -> Mapping[str, object]:
    if not isinstance(holder, Mapping):
        raise UnanswerableError(f"it reads {name!r} of a value that has no fields")
    return holder


def _joined(operands: list[Code], *, decides: bool) -> Code:
    """`||` is true as soon as one operand is, `&&` false as soon as one is not; an error matters otherwise."""

    def run(variables: dict[str, object], meter: Meter) -> bool:
        meter.charge()
        doubt: UnanswerableError | None = None
        for operand in operands:
            try:
                if _truth(operand(variables, meter)) is decides:
                    return decides
            except TooCostlyError:
                raise
            except UnanswerableError as error:
                doubt = doubt or error
        if doubt is not None:
            raise doubt
        return not decides

    return run


def _branches(condition: Code, first: Code, second: Code) -> Code:
    def run(variables: dict[str, object], meter: Meter) -> object:
        meter.charge()
        return (first if _truth(condition(variables, meter)) else second)(variables, meter)

    return run


def _list(parts: list[Code]) -> Code:
    def run(variables: dict[str, object], meter: Meter) -> list[object]:
        meter.charge()
        return [part(variables, meter) for part in parts]

    return run


def _map(parts: list[Code]) -> Code:
    def run(variables: dict[str, object], meter: Meter) -> dict[object, object]:
        meter.charge()
        values = [part(variables, meter) for part in parts]
        return dict(zip(map(_key, values[::2]), values[1::2], strict=True))

    return run


def _applied(node: Call) -> Code:
    arguments = [compiled(argument) for argument in node.arguments]
    name, asks = node.function, node.function == "has" and node.method and len(node.arguments) == 2
    operate = _OPERATORS.get(name)

    def run(variables: dict[str, object], meter: Meter) -> object:
        meter.charge()
        values = [argument(variables, meter) for argument in arguments]
        if asks:
            return isinstance(values[0], Mapping) and isinstance(values[1], str) and _in(values[1], values[0])
        if not all(type(value) in _SMALL for value in values) and name not in _AT_ONCE:
            meter.charge(_weight(values[:1] if name == "in" and isinstance(values[1], Mapping) else values))
        return operate(*values) if operate is not None else functions.call(name, values)

    return run


def _walk(walk: Walk) -> Code:
    items_of, body, kind, variable = compiled(walk.items), compiled(walk.body), walk.kind, walk.variable
    condition = None if walk.condition is None else compiled(walk.condition)

    def run(variables: dict[str, object], meter: Meter) -> object:
        meter.charge()
        items = items_of(variables, meter)
        if not isinstance(items, list | Mapping):
            raise UnanswerableError(f"{kind} walks a list, and this is none")
        if kind == "all" and not items and not meter.empty_is_true:
            raise EmptyWalkError("all(…) is asked of an empty list")
        inside = dict(variables)

        def of(code: Code, item: object) -> Any:
            inside[variable] = item
            return code(inside, meter)

        if kind in {"all", "exists"}:
            return _quantified((lambda item: of(body, item)), items, decides=kind == "exists")
        if kind == "exists_one":
            return sum(_truth(of(body, item)) for item in items) == 1
        chosen = body if kind == "filter" else condition
        kept = [item for item in items if chosen is None or _truth(of(chosen, item))]
        return kept if kind == "filter" else [of(body, item) for item in kept]

    return run


def _quantified(asks: Callable[[object], object], items: Iterable[object], *, decides: bool) -> bool:
    doubt: UnanswerableError | None = None
    for item in items:
        try:
            if _truth(asks(item)) is decides:
                return decides
        except TooCostlyError:
            raise
        except UnanswerableError as error:
            doubt = doubt or error
    if doubt is not None:
        raise doubt
    return not decides


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
        if isinstance(value, str):
            return value in holder and not isinstance(holder[value], Untold)
        return any(_alike(value, key) for key in holder)
    if isinstance(holder, list):
        return any(_alike(value, item) for item in holder)
    raise UnanswerableError("`in` asks for a list or a map")


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def check(one: object, other: object) -> bool:
        if type(one) is float and type(other) is float:
            return compare(one, other)
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
        return told(holder[key])
    if not isinstance(holder, list) or not isinstance(key, int) or isinstance(key, bool):
        raise UnanswerableError("[…] asks for a list and a place, or a map and a key")
    if not 0 <= key < len(holder):
        raise UnanswerableError(f"the list has no place {key}")
    return holder[key]


def _key(value: object) -> object:
    if not isinstance(value, str | int):
        raise UnanswerableError("the key of a map is text, a whole number, or true or false")
    return value


_SMALL = frozenset({bool, int, float, type(None)})
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
