"""Checks an expression against the types of its facts, so that what could never be answered is told when it is written.

`check(tree, facts)` gives one sentence for the first mistake: a field that does not exist, values that cannot be
compared, a choice that a form does not have. With `always`, it must also have an answer whatever the facts are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from registry.domain.governance.conditions.functions import FUNCTIONS, matches
from registry.domain.governance.conditions.presence import Place, asked_for, place_of
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.conditions.syntax import Call, ListOf, Literal, MapOf, Node, Select, Variable, Walk
from registry.domain.governance.conditions.types import (
    ANY,
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    NULL,
    TEXT,
    TIMESTAMP,
    Kind,
    Many,
    Record,
    Single,
    Type,
)
from registry.domain.text import did_you_mean, nearest

_NUMBERS = frozenset({Kind.INT, Kind.DOUBLE})
_CONVERSIONS = {
    "int": INT,
    "uint": INT,
    "double": DOUBLE,
    "string": TEXT,
    "bytes": BYTES,
    "timestamp": TIMESTAMP,
    "duration": DURATION,
}
_ON_TEXTS = frozenset({"contains", "startsWith", "endsWith", "matches"})
_DOUBTFUL = frozenset({"/", "%", "int", "uint", "double", "timestamp", "duration", "min", "max"})
"""What may have no answer for some values."""


class MistypedError(Exception):
    """What is wrong, as a sentence that begins in the middle of a line."""


def check(tree: Node, facts: Mapping[str, Type], *, always: bool = False) -> str | None:
    """Why the expression cannot be right, or None. With `always`, also why it may have no answer for some facts."""
    try:
        found = _Checker(facts, always).type_of(tree)
    except MistypedError as problem:
        return str(problem)
    return None if _may_be(found, Kind.BOOL) else f"the condition gives {found}, not true or false"


@dataclass(frozen=True, slots=True)
class _Checker:
    """`bound` are the variables of walks; `there` the fields that are known to be there at this point."""

    facts: Mapping[str, Type]
    always: bool
    bound: Mapping[str, Type] = field(default_factory=dict)
    there: frozenset[Place] = frozenset()

    def type_of(self, node: Node) -> Type:
        """The type of what the node gives. Raises: MistypedError."""
        match node:
            case Literal(value=value):
                return _literal(value)
            case Variable(name=name):
                return self._variable(name)
            case Select():
                return self._select(node)
            case Call():
                return self._call(node)
            case Walk():
                return self._walk(node)
            case ListOf(items=items):
                return Many(_common(self.type_of(item) for item in items))
            case MapOf(entries=entries):
                for key, _ in entries:
                    self.type_of(key)
                return Record("the map", others=_common(self.type_of(value) for _, value in entries))

    def _branches(self, condition: Node, first: Node, second: Node) -> Type:
        self._need(condition, Kind.BOOL, "the condition before ?")
        yes = self._knowing(asked_for(condition, True)).type_of(first)
        no = self._knowing(asked_for(condition, False)).type_of(second)
        return yes if yes == no else ANY

    def _knowing(self, places: Iterable[Place]) -> _Checker:
        return replace(self, there=self.there.union(places))

    def _variable(self, name: str) -> Type:
        if name in self.bound:
            return self.bound[name]
        if name not in self.facts:
            raise MistypedError(f"{name!r} is not a variable here{did_you_mean(name, {**self.facts, **self.bound})}")
        return self.facts[name]

    def _select(self, node: Select) -> Type:
        holder = self.type_of(node.holder)
        found = _field(holder, node.field)
        if node.asked:
            return BOOL
        self._sure(holder, node, node.field)
        return found

    def _sure(self, holder: Type, node: Node, name: str) -> None:
        """With `always`: whether the field is there whatever the facts are."""
        if not self.always or (isinstance(holder, Record) and holder.sure):
            return
        place = place_of(node)
        if place is None or place not in self.there:
            where = ".".join(place) if place else name
            raise MistypedError(f"{where} may be missing, and then nobody can tell: write has({where}) && … before it")

    def _joined(self, node: Call) -> Type:
        within = self
        for operand in node.arguments:
            within._need(operand, Kind.BOOL, f"what {node.function} joins")
            within = within._knowing(asked_for(operand, node.function == "&&"))
        return BOOL

    def _need(self, node: Node, kind: Kind, what: str) -> Type:
        found = self.type_of(node)
        if not _may_be(found, kind):
            raise MistypedError(f"{what} is {found}, and must be {kind.value}")
        return found

    def _walk(self, node: Walk) -> Type:
        items = self.type_of(node.items)
        if isinstance(items, Many):
            value = items.of
        elif isinstance(items, Record):
            value = TEXT
        elif items.kind is Kind.ANY:
            value = ANY
        else:
            raise MistypedError(f"{node.kind}(…) walks a list, and this is {items}")
        if self.always and node.kind == "all":
            raise MistypedError("all(…) has no answer for an empty list: write !….exists(…) for the opposite")
        within = replace(self, bound={**self.bound, node.variable: value})
        if node.condition is not None:
            within._need(node.condition, Kind.BOOL, f"the condition of {node.kind}")
        if node.kind == "map":
            return Many(within.type_of(node.body))
        within._need(node.body, Kind.BOOL, f"what {node.kind} asks of each value")
        return Many(value) if node.kind == "filter" else BOOL

    def _call(self, node: Call) -> Type:
        if node.function in {"&&", "||"}:
            return self._joined(node)
        if node.function == "?":
            return self._branches(*node.arguments)
        return self._applied(node, [self.type_of(argument) for argument in node.arguments])

    def _applied(self, node: Call, kinds: list[Type]) -> Type:
        name = node.function
        if self.always and name in _DOUBTFUL:
            raise MistypedError(
                f"{_shown(name)} has no answer for some values, and this condition must always have one"
            )
        if name in _QUESTIONS or (name == "has" and node.method and len(kinds) == 2):
            _QUESTIONS.get(name, _member)(node, kinds)
            return BOOL
        if name == "[]":
            return self._at(node, kinds)
        return _arithmetic(name, kinds) if name in {"+", "-", "*", "/", "%", "neg"} else _function(node, kinds)

    def _at(self, node: Call, kinds: list[Type]) -> Type:
        holder, key = kinds[0], node.arguments[1]
        if isinstance(holder, Record):
            name = key.value if isinstance(key, Literal) else None
            found = _field(holder, name) if isinstance(name, str) else ANY
            self._sure(holder, node, str(name))
            return found
        if self.always:
            raise MistypedError("a place in a list may not be there, and this condition must always have an answer")
        if not isinstance(holder, Many) and holder.kind is not Kind.ANY:
            raise MistypedError(f"[…] reads a place of a list or of a map, and this is {holder}")
        return holder.of if isinstance(holder, Many) else ANY


def _literal(value: object) -> Type:
    match value:
        case bool():
            return BOOL
        case int():
            return INT
        case float():
            return DOUBLE
        case str():
            return TEXT
        case bytes():
            return BYTES
    return NULL


def _common(kinds: Iterable[Type]) -> Type:
    found = list(kinds)
    return found[0] if found and all(kind == found[0] for kind in found) else ANY


def _may_be(found: Type, *kinds: Kind) -> bool:
    return isinstance(found, Single) and (found.kind in kinds or found.kind is Kind.ANY)


def _field(holder: Type, name: str) -> Type:
    if isinstance(holder, Record):
        if name in holder.fields:
            return holder.fields[name]
        if holder.others is not None:
            return holder.others
        near = nearest(name, holder.fields)
        hint = f", did you mean {near!r}?" if near else did_you_mean(name, holder.fields)
        raise MistypedError(
            f"{holder.what} has no {name[:80]!r}{holder.remedy if holder.remedy and not near else hint}"
        )
    if isinstance(holder, Single) and holder.kind is Kind.ANY:
        return ANY
    raise MistypedError(f"it reads {name[:80]!r} of {holder}, which has no fields")


def _comparable(node: Call, kinds: list[Type]) -> None:
    one, other = kinds
    for first, second in ((one, node.arguments[1]), (other, node.arguments[0])):
        if isinstance(second, Literal) and isinstance(second.value, str):
            _choice(first, second.value)
    if isinstance(one, Single) and isinstance(other, Single):
        both = {one.kind, other.kind}
        alike = len(both) == 1 or both <= _NUMBERS or bool(both & {Kind.ANY, Kind.NULL})
    else:
        alike = type(one) is type(other) or Kind.ANY in {getattr(one, "kind", None), getattr(other, "kind", None)}
    if not alike:
        raise MistypedError(f"it compares {one} with {other}, which are never equal")


def _choice(found: Type, value: str) -> None:
    if isinstance(found, Single) and found.choices and value not in found.choices:
        raise MistypedError(f"{value[:80]!r} is not one of its values{did_you_mean(value, found.choices)}")


def _opposite(_: Call, kinds: list[Type]) -> None:
    if not _may_be(kinds[0], Kind.BOOL):
        raise MistypedError(f"what ! turns round is {kinds[0]}, and must be true or false")


def _ordered(_: Call, kinds: list[Type]) -> None:
    one, other = kinds
    if not isinstance(one, Single) or not isinstance(other, Single):
        raise MistypedError(f"it puts {one} and {other} in order")
    both = {one.kind, other.kind}
    if Kind.NULL in both or not (len(both) == 1 or both <= _NUMBERS or Kind.ANY in both):
        raise MistypedError(f"it compares {one} with {other}")


def _member(node: Call, kinds: list[Type]) -> None:
    value, holder = kinds if node.function == "in" else (kinds[1], kinds[0])
    word = node.arguments[0 if node.function == "in" else 1]
    if isinstance(holder, Record):
        if isinstance(word, Literal) and isinstance(word.value, str):
            _field(holder, word.value)
        return
    if isinstance(holder, Many):
        listed = node.arguments[1]
        for item in listed.items if isinstance(listed, ListOf) and node.function == "in" else ():
            if isinstance(item, Literal) and isinstance(item.value, str):
                _choice(value, item.value)
        return
    if holder.kind is not Kind.ANY:
        raise MistypedError(f"`{node.function}` asks for a list or a map, and this is {holder}")


def _arithmetic(name: str, kinds: list[Type]) -> Type:
    if any(isinstance(kind, Single) and kind.kind is Kind.ANY for kind in kinds):
        return ANY
    one, other = kinds[0], kinds[-1]
    if isinstance(one, Many) and isinstance(other, Many) and name == "+":
        return one if one == other else Many(ANY)
    if not isinstance(one, Single) or not isinstance(other, Single):
        raise MistypedError(f"it calculates with {one} and {other}")
    moments = {Kind.TIMESTAMP, Kind.DURATION}
    if {one.kind, other.kind} <= moments and name in {"+", "-"}:
        return TIMESTAMP if (one.kind is Kind.TIMESTAMP) != (other.kind is Kind.TIMESTAMP) else DURATION
    if {one.kind, other.kind} == _NUMBERS:
        raise MistypedError("it calculates with a whole number and a decimal number: write 1.0, not 1")
    fits = one.kind in _NUMBERS if name != "+" else one.kind in _NUMBERS | {Kind.TEXT, Kind.BYTES}
    if one.kind is not other.kind or not fits or (name == "%" and one.kind is Kind.DOUBLE):
        raise MistypedError(f"it calculates with {one}" if one.kind is other.kind else f"it mixes {one} with {other}")
    return Single(one.kind)


def _function(node: Call, kinds: list[Type]) -> Type:
    name = node.function
    if name not in FUNCTIONS:
        raise MistypedError(f"{name!r} is not a function{did_you_mean(name, FUNCTIONS)}")
    wanted = 2 if name in _ON_TEXTS else 1
    if len(kinds) != wanted and not (name in {"min", "max"} and kinds):
        raise MistypedError(f"{name}(…) takes {'a text and another' if wanted == 2 else 'one value'}")
    if name in _ON_TEXTS:
        if not all(_may_be(kind, Kind.TEXT) for kind in kinds):
            raise MistypedError(f"{name}(…) asks for two texts, and has {kinds[0]} and {kinds[1]}")
        _pattern(node)
        return BOOL
    if name == "size":
        if isinstance(kinds[0], Single) and not _may_be(kinds[0], Kind.TEXT, Kind.BYTES):
            raise MistypedError(f"size(…) is asked of {kinds[0]}")
        return INT
    if name in {"min", "max"}:
        inner = [kind.of if isinstance(kind, Many) and len(kinds) == 1 else kind for kind in kinds]
        if not all(_may_be(kind, *_NUMBERS) for kind in inner):
            raise MistypedError(f"{name}(…) asks for numbers")
        return _common(inner)
    return _CONVERSIONS[name]


def _pattern(node: Call) -> None:
    pattern = node.arguments[1]
    if node.function == "matches" and isinstance(pattern, Literal) and isinstance(pattern.value, str):
        try:
            matches("", pattern.value)
        except UnanswerableError as error:
            raise MistypedError(str(error)) from error


_QUESTIONS: Mapping[str, Callable[[Call, list[Type]], None]] = {
    "==": _comparable,
    "!=": _comparable,
    **dict.fromkeys(("<", "<=", ">", ">="), _ordered),
    "in": _member,
    "!": _opposite,
}
"""What answers with true or false: what it checks of the types that it is asked about."""


def _shown(name: str) -> str:
    return f"{name}(…)" if name.isalpha() else f"`{name}`"
