"""Which fields an expression reads, and which it has asked for before it reads them."""

from __future__ import annotations

from registry.domain.governance.conditions.syntax import Call, Literal, Node, Select, Variable, Walk, children

Place = tuple[str, ...]
"""A field by its way from a variable: `("subject", "tags", "team")`."""


def place_of(node: Node) -> Place | None:
    """The way to what `node` reads, where every step of it is a name; None for anything else."""
    match node:
        case Variable(name=name):
            return (name,)
        case Select(holder=holder, field=name):
            above = place_of(holder)
        case Call(function="[]", arguments=(holder, Literal(value=str(name)))):
            above = place_of(holder)
        case Call(function="in", arguments=(Literal(value=str(name)), holder)):
            above = place_of(holder)
        case Call(function="has", method=True, arguments=(holder, Literal(value=str(name)))):
            above = place_of(holder)
        case _:
            return None
    return None if above is None else (*above, name)


def asked_for(node: Node, answer: bool) -> frozenset[Place]:
    """The fields that are known to be there where `node` has given `answer`."""
    match node:
        case Select(asked=True) | Call(function="in") | Call(function="has", method=True):
            place = place_of(node)
            return frozenset(place[:end] for end in range(2, len(place) + 1)) if place and answer else frozenset()
        case Call(function="!", arguments=(operand,)):
            return asked_for(operand, not answer)
        case Call(function="&&" | "||" as sign, arguments=operands):
            each = [asked_for(operand, answer) for operand in operands]
            return frozenset().union(*each) if (sign == "&&") is answer else frozenset.intersection(*each)
    return frozenset()


def places_read(node: Node, bound: frozenset[str] = frozenset()) -> frozenset[Place]:
    """Every field that an expression reads, by the longest way of names; what walks bind is left out."""
    place = place_of(node)
    if place is not None:
        return frozenset() if place[0] in bound else frozenset({place})
    if isinstance(node, Walk):
        inside = bound | {node.variable}
        parts = [places_read(node.body, inside)]
        parts += [places_read(node.condition, inside)] if node.condition is not None else []
        return places_read(node.items, bound).union(*parts)
    return frozenset().union(*(places_read(child, bound) for child in children(node)))
