"""Which answers a condition can give at all, where some facts cannot be told: without any case, from its tree alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import reduce

from registry.domain.governance.conditions.presence import Place, place_of
from registry.domain.governance.conditions.syntax import Call, Literal, Node, Select, Variable, Walk, children

Answers = frozenset[bool | None]
"""What may come out: true, false, and None for no answer."""
ANY: Answers = frozenset({True, False, None})
NONE: Answers = frozenset({None})


def possible_answers(node: Node, untold: Collection[Place]) -> Answers:
    """The answers that `node` may give while nobody can tell the facts at `untold`. What is not sure is possible.

    An operand without an answer does not matter where another decides, and `has` of such a fact is false.
    """
    match node:
        case Literal(value=bool(value)):
            return frozenset({value})
        case Call(function="!", arguments=(operand,)):
            return frozenset(None if one is None else not one for one in possible_answers(operand, untold))
        case Call(function="&&" | "||" as sign, arguments=operands):
            each = (possible_answers(operand, untold) for operand in operands)
            return reduce(lambda one, two: _joined(one, two, decides=sign == "||"), each)
        case Call(function="?", arguments=(condition, first, second)):
            chosen = {True: possible_answers(first, untold), False: possible_answers(second, untold), None: NONE}
            return frozenset[bool | None]().union(*(chosen[one] for one in possible_answers(condition, untold)))
        case Select(asked=True) | Call(function="in") | Call(function="has", method=True):
            return frozenset({False}) if _at(node, untold) is not None else ANY
        case Walk():
            needed: Iterable[Node] = (node.items,)
        case _:
            needed = children(node)
    if _at(node, untold) is not None or any(possible_answers(one, untold) == NONE for one in needed):
        return NONE
    return ANY


def untold_places(node: Node, untold: Collection[Place]) -> frozenset[Place]:
    """The facts among `untold` that `node` reads."""
    place = _at(node, untold)
    if place is not None:
        return frozenset({place})
    return frozenset[Place]().union(*(untold_places(one, untold) for one in children(node)))


def _at(node: Node, untold: Collection[Place]) -> Place | None:
    """The fact among `untold` that `node` names, or that holds what it names."""
    place = place_of(node) if not isinstance(node, Variable) else None
    return next((one for one in untold if place is not None and place[: len(one)] == one), None)


def _joined(one: Answers, two: Answers, *, decides: bool) -> Answers:
    """The answers of two operands of `||`, where true decides, or of `&&`, where false does."""
    return frozenset(
        decides if decides in {first, second} else None if None in {first, second} else not decides
        for first in one
        for second in two
    )
