"""Reads an expression of CEL into a tree (https://github.com/google/cel-spec, section Syntax).

All that counts (depth, walks over lists) is counted on the tree: text in comments and in strings is not part of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from registry.errors import BadPolicyError

MAX_LENGTH = 1000
"""Characters in one expression."""
MAX_DEPTH = 16
"""Brackets, and branches of `?`, within each other."""
MAX_LEVELS = 64
"""Levels of the tree, brackets or not."""
MAX_WALKS = 2
"""Walks over a list (`all`, `exists`, …) in one expression: nested, they multiply."""
WALKS = frozenset({"all", "exists", "exists_one", "map", "filter"})


class UnreadableError(Exception):
    """The text is no expression; the message says where it stops being one."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, bytes, `true`, `false` or `null`."""

    value: object


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the policy, or one that a walk binds."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`holder.field`; with `asked`, `has(holder.field)`."""

    holder: Node
    field: str
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator (`&&`, `<=`, `in`, `[]`, `?`, `neg`) with its arguments.

    With `method` it was written behind its first argument. `&&` and `||` hold all their operands at one level.
    """

    function: str
    arguments: tuple[Node, ...]
    method: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """`items.all(variable, body)`; `map` may have a condition before what it makes of each value."""

    kind: str
    items: Node
    variable: str
    body: Node
    condition: Node | None = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b]`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{a: b}`."""

    entries: tuple[tuple[Node, Node], ...]


Node = Literal | Variable | Select | Call | Walk | ListOf | MapOf

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
    |(?P<text>[bBrR]{0,2}(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''
        |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_BINARY = ({"==", "!=", "<", "<=", ">", ">=", "in"}, {"+", "-"}, {"*", "/", "%"})
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, sign, number, text or space; `kind` is the name of its group in the grammar of tokens."""

    kind: str
    text: str


def parse(text: str) -> Node:
    """The tree of `text`. Raises: BadPolicyError when it is no expression of CEL, or too large."""
    if len(text) > MAX_LENGTH:
        raise BadPolicyError(
            f"An expression is longer than {MAX_LENGTH:,} characters", remedy="Split it into two gates"
        )
    try:
        tree = _Parser(list(_tokens(text))).whole()
    except UnreadableError as problem:
        raise BadPolicyError(f"{text[:120]!r} is not a CEL expression: {problem}") from problem
    if sum(isinstance(node, Walk) for node in nodes(tree)) > MAX_WALKS:
        raise BadPolicyError(
            f"An expression walks more than {MAX_WALKS} lists with all, exists, map or filter",
            remedy="Split it into two gates",
        )
    return tree


def nodes(tree: Node) -> Iterator[Node]:
    """`tree` and every node under it, from left to right."""
    waiting: list[Node] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(children(node)))


def children(node: Node) -> list[Node]:
    """The nodes directly under `node`, from left to right."""
    match node:
        case Select(holder=holder):
            return [holder]
        case Call(arguments=arguments):
            return list(arguments)
        case Walk(items=items, body=body, condition=condition):
            return [items, *([condition] if condition is not None else []), body]
        case ListOf(items=many):
            return list(many)
        case MapOf(entries=entries):
            return [part for entry in entries for part in entry]
    return []


def _tokens(text: str) -> Iterator[Token]:
    return (token for token in spaced_tokens(text) if token.kind != "space")


def spaced_tokens(text: str) -> Iterator[Token]:
    """The tokens of `text`, spaces and comments too: joined, they are `text`. Raises: UnreadableError."""
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise UnreadableError(f"it cannot be read from {text[place : place + 20]!r} on")
        place = match.end()
        yield Token(str(match.lastgroup), match.group())


class _Parser:
    """Recursive descent over the tokens, one token ahead."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._next, self._depth = tokens, 0, 0

    def whole(self) -> Node:
        tree = self._expression()
        if self._next < len(self._tokens):
            raise UnreadableError(f"unexpected {self._tokens[self._next].text[:40]!r}")
        if _levels(tree) > MAX_LEVELS:
            raise BadPolicyError(f"An expression has more than {MAX_LEVELS} levels", remedy="Split it into two gates")
        return tree

    def _peek(self) -> str:
        """The next sign or word; empty at the end, and for numbers and texts."""
        token = self._tokens[self._next] if self._next < len(self._tokens) else Token("end", "")
        return token.text if token.kind in {"sign", "name"} else ""

    def _take(self, *wanted: str) -> str | None:
        found = self._peek()
        if found and found in wanted:
            self._next += 1
            return found
        return None

    def _need(self, wanted: str) -> None:
        if self._take(wanted) is None:
            rest = self._tokens[self._next : self._next + 1]
            found = repr(rest[0].text[:40]) if rest else "the end"
            raise UnreadableError(f"expected {wanted!r} and found {found}")

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH + 1:
            raise BadPolicyError(
                f"An expression nests brackets deeper than {MAX_DEPTH}", remedy="Split it into two gates"
            )
        node = self._joined("||")
        if self._take("?"):
            first = self._joined("||")
            self._need(":")
            node = Call("?", (node, first, self._expression()))
        self._depth -= 1
        return node

    def _joined(self, sign: str) -> Node:
        """Operands joined by `||`, each of operands joined by `&&`."""
        operands = [self._joined("&&") if sign == "||" else self._binary(0)]
        while self._take(sign):
            operands.append(self._joined("&&") if sign == "||" else self._binary(0))
        return operands[0] if len(operands) == 1 else Call(sign, tuple(operands))

    def _binary(self, level: int) -> Node:
        if level == len(_BINARY):
            return self._unary()
        node = self._binary(level + 1)
        while sign := self._take(*_BINARY[level]):
            node = Call(sign, (node, self._binary(level + 1)))
        return node

    def _unary(self) -> Node:
        signs = []
        while sign := self._take("!", "-"):
            signs.append("neg" if sign == "-" else "!")
        node = self._member()
        if signs and signs[-1] == "neg" and isinstance(node, Literal) and type(node.value) in {int, float}:
            node = Literal(-node.value)  # type: ignore[operator]
            signs.pop()
        for sign in reversed(signs):
            node = Call(sign, (node,))
        return node

    def _member(self) -> Node:
        node = self._primary()
        while sign := self._take(".", "["):
            if sign == "[":
                node = Call("[]", (node, self._expression()))
                self._need("]")
                continue
            name = self._name()
            node = self._method(node, name, self._listed(")")) if self._take("(") else Select(node, name)
        return node

    def _name(self) -> str:
        token = self._tokens[self._next] if self._next < len(self._tokens) else Token("end", "the end")
        if token.kind != "name":
            raise UnreadableError(f"expected a name and found {token.text[:40]!r}")
        self._next += 1
        return token.text

    def _method(self, holder: Node, name: str, arguments: list[Node]) -> Node:
        if name not in WALKS or not 2 <= len(arguments) <= (3 if name == "map" else 2):
            return Call(name, (holder, *arguments), method=True)
        variable = arguments[0]
        if not isinstance(variable, Variable):
            raise UnreadableError(f"the first argument of {name} names the value of each step, such as `x`")
        condition = arguments[1] if len(arguments) == 3 else None
        return Walk(name, holder, variable.name, arguments[-1], condition)

    def _listed(self, end: str) -> list[Node]:
        """Expressions up to `end`, with commas between them; lists may end with one."""
        items: list[Node] = []
        while not self._take(end):
            if items:
                self._need(",")
                if end == "]" and self._take(end):
                    break
            items.append(self._expression())
        return items

    def _primary(self) -> Node:
        if self._take("("):
            node = self._expression()
            self._need(")")
            return node
        if self._take("["):
            return ListOf(tuple(self._listed("]")))
        if self._take("{"):
            return self._map()
        if self._next == len(self._tokens):
            raise UnreadableError("it ends too early")
        token = self._tokens[self._next]
        self._next += 1
        if token.kind in {"number", "text"}:
            return Literal(_number(token.text) if token.kind == "number" else _text(token.text))
        if token.kind != "name" or token.text == "in":
            raise UnreadableError(f"unexpected {token.text[:40]!r}")
        if token.text in _WORDS:
            return Literal(_WORDS[token.text])
        if not self._take("("):
            return Variable(token.text)
        return _function(token.text, self._listed(")"))

    def _map(self) -> MapOf:
        entries: list[tuple[Node, Node]] = []
        while not self._take("}"):
            if entries:
                self._need(",")
                if self._take("}"):
                    break
            key = self._expression()
            self._need(":")
            entries.append((key, self._expression()))
        return MapOf(tuple(entries))


def _function(name: str, arguments: list[Node]) -> Node:
    if name != "has":
        return Call(name, tuple(arguments))
    if len(arguments) != 1 or not isinstance(arguments[0], Select):
        raise UnreadableError("has(…) asks for one field, such as has(metrics.accuracy)")
    return Select(arguments[0].holder, arguments[0].field, asked=True)


def _number(text: str) -> int | float:
    bare = text.rstrip("uU")
    if bare[:2].lower() == "0x":
        number: int | float = int(bare, 16)
    else:
        number = float(bare) if re.search(r"[.eE]", bare) else int(bare)
    if isinstance(number, int) and number >= 2**63 + (bare != text) * 2**63:
        raise UnreadableError(f"the number {text} is too large")
    return number


def _text(token: str) -> str | bytes:
    """CEL's strings are Python's, with the same prefixes and, but for three, the same escapes."""
    quote = min(place for place in (token.find("'"), token.find('"')) if place >= 0)
    prefix, body = token[:quote].lower(), token[quote:]
    if "r" not in prefix:
        body = re.sub(r"\\(.)", lambda m: {"`": "`", "?": "?", "X": "\\x"}.get(m[1], m[0]), body, flags=re.DOTALL)
    try:
        value = ast.literal_eval("".join(sorted(set(prefix))) + body)
    except (ValueError, SyntaxError) as error:
        raise UnreadableError(f"the text {token[:40]} cannot be read") from error
    if not isinstance(value, str | bytes):
        raise UnreadableError(f"the text {token[:40]} cannot be read")
    return value


def _levels(tree: Node) -> int:
    level, deepest = [tree], 0
    while level:
        deepest += 1
        level = [child for node in level for child in children(node)]
    return deepest
