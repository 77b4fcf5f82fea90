"""MLflow's language of searches: comparisons that `AND` joins, and keys to sort by.

`name LIKE 'vision.%' AND tags.owner = 'ana'`. What MLflow's own store refuses is refused: `OR`, `IS NULL`, lists of
tags, comparisons that an attribute does not have. The first words of a refusal are those that its clients look for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, le, lt, ne

from registry.errors import BadFilterError

Value = str | int | tuple[str, ...]
_TEXT = frozenset({"=", "!=", "LIKE", "ILIKE"})
_LISTED = _TEXT | {"IN", "NOT IN"}
_NUMBER = frozenset({"=", "!=", "<", "<=", ">", ">="})
_STRING = r"'[^']*'|\"[^\"]*\""
_CLAUSE = re.compile(
    rf"""\s*(?:(?P<entity>\w+)\.)?(?P<key>`[^`]+`|"[^"]+"|[\w.:/-]+)
    \s*(?P<operator>!=|<=|>=|=|<|>|\bNOT\s+IN\b|\bIN\b|\bI?LIKE\b)
    \s*(?P<value>{_STRING}|-?\d+(?:\.\d+)?|\(\s*(?:{_STRING})(?:\s*,\s*(?:{_STRING}))*\s*,?\s*\))
    \s*(?P<and>\bAND\b(?=\s*\S)|$)""",
    re.IGNORECASE | re.VERBOSE,
)
_LIST = re.compile(r"[^'\"()]{0,200}?\bIN\s*\(([^()]*)\)", re.IGNORECASE)
"""A list that is no list of texts, in its parentheses."""
_BARE = re.compile(r"\s*(?:\w+\.)?(?P<key>\w+)\s*(?:!=|=|\bI?LIKE\b)\s*(?P<value>[A-Za-z_][\w.-]*)", re.IGNORECASE)
_ORDER = re.compile(r"\s*(`?)([A-Za-z_]+)\1(?:\s+(ASC|DESC))?\s*", re.IGNORECASE)
_ENTITIES = {None: False, "attribute": False, "attributes": False, "attr": False, "tag": True, "tags": True}
LONGEST = 10_000
"""Characters of a filter."""


@dataclass(frozen=True, slots=True)
class Language:
    """What can be compared and sorted by: operators by attribute, and the field that a sort key stands for.

    `sort_key` is what MLflow calls a key of an order.
    """

    attributes: Mapping[str, frozenset[str]]
    orders: Mapping[str, str]
    sort_key: str


MODELS = Language(
    {"name": _LISTED},
    {
        "name": "name",
        "timestamp": "last_updated_timestamp",
        "last_updated_timestamp": "last_updated_timestamp",
    },
    "order by key",
)
VERSIONS = Language(
    {"name": _LISTED, "run_id": _LISTED, "source_path": _TEXT, "version_number": _NUMBER},
    {key: key for key in ("name", "version_number", "creation_timestamp", "last_updated_timestamp")},
    "attribute key",
)


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison, of an attribute or of a tag."""

    tag: bool
    key: str
    operator: str
    value: Value

    def holds(self, actual: Value | None) -> bool:
        """Whether it holds for `actual`; never for a tag that is not there."""
        return actual is not None and _COMPARE[self.operator](actual, self.value)


def parse(text: str, language: Language) -> tuple[Clause, ...]:
    """The comparisons of a filter; none for an empty one. Raises: BadFilterError."""
    if len(text) > LONGEST:
        raise BadFilterError(f"The filter is longer than {LONGEST:,} characters")
    found: list[Clause] = []
    at = 0
    while at < len(text.rstrip()):
        match = _CLAUSE.match(text, at)
        if match is None:
            raise _unread(text[at:], language)
        found.append(_clause(match, language))
        at = match.end()
    return tuple(found)


def orders(wanted: Sequence[str], language: Language) -> tuple[tuple[str, bool], ...]:
    """The fields to sort by, each with whether it descends. Raises: BadFilterError."""
    found: dict[str, bool] = {}
    for text in wanted:
        match = _ORDER.fullmatch(text)
        remedy = f"Sort by {', '.join(language.orders)}, with ASC or DESC"
        if match is None:
            raise BadFilterError(f"Invalid order_by clause {text[:80]!r}", remedy=remedy)
        field = language.orders.get(match[2])
        if field is None:
            raise BadFilterError(f"Invalid {language.sort_key} {match[2][:80]!r} specified", remedy=remedy)
        if field in found:
            raise BadFilterError(f"`order_by` contains duplicate fields: {field}")
        found[field] = (match[3] or "").upper() == "DESC"
    return tuple(found.items())


def _clause(match: re.Match[str], language: Language) -> Clause:
    entity, key = (match["entity"] or "").lower() or None, match["key"].strip('`"')
    operator = " ".join(match["operator"].upper().split())
    if entity not in _ENTITIES:
        raise BadFilterError(f"{str(entity)[:80]!r} is not compared here", remedy="Compare attributes and tags")
    tag = _ENTITIES[entity]
    if not tag and key not in language.attributes:
        raise BadFilterError(
            f"Invalid attribute key {key[:80]!r} specified", remedy=f"Compare {', '.join(language.attributes)}"
        )
    allowed = _TEXT if tag else language.attributes[key]
    if operator not in allowed:
        raise BadFilterError(f"{key} is not compared by {operator}", remedy=f"Use {', '.join(sorted(allowed))}")
    return Clause(tag, key, operator, _value(match["value"], key, operator, number=allowed is _NUMBER))


def _value(text: str, key: str, operator: str, *, number: bool) -> Value:
    if (text[0] == "(") is not (operator in {"IN", "NOT IN"}):
        raise BadFilterError(f"{operator} of {key} takes {'a list' if text[0] != '(' else 'one value'}")
    if text[0] == "(":
        return tuple(one[1:-1] for one in re.findall(_STRING, text))
    quoted = text[0] in "'\""
    if number:
        whole = text[1:-1] if quoted else text
        if not re.fullmatch(r"-?\d{1,18}", whole):
            raise BadFilterError(f"{key} is compared with a whole number, not {text[:40]}")
        return int(whole)
    if not quoted:
        raise _not_quoted(key, text)
    return text[1:-1]


def _unread(text: str, language: Language) -> BadFilterError:
    """What is wrong with a filter that no comparison begins."""
    listed, bare = _LIST.match(text), _BARE.match(text)
    if listed is not None:
        expected = "expected a non-empty list of string values, but got"
        if not listed[1].strip():
            wrong = f"{expected} empty list"
        elif not re.sub(_STRING, "", listed[1]).strip(", \t\n"):
            wrong = f"{expected} ill-formed list"
        else:
            wrong = "expected string value, punctuation, or whitespace, but got different type in list"
        return BadFilterError(f"While parsing a list in the query, {wrong}", remedy="Write for example IN ('a', 'b')")
    if bare is not None and bare["key"] in language.attributes and bare["value"].lower() not in {"true", "false"}:
        return _not_quoted(bare["key"], bare["value"])
    return BadFilterError(
        f"Invalid clause(s) in filter string, at {text[:80].strip()!r}",
        remedy="Join comparisons with AND, as in: name LIKE 'vision.%' AND tags.owner = 'ana'",
    )


def _not_quoted(key: str, value: str) -> BadFilterError:
    return BadFilterError(
        f"Parameter value is either not quoted or unidentified quote types used for string value {value[:40]}",
        remedy=f"{key} is compared with a text in quotes",
    )


def _like(actual: Value, pattern: Value) -> bool:
    """SQL's LIKE, in time that grows with the product of both lengths whatever the pattern is."""
    text, wanted = str(actual), str(pattern)
    at = place = kept = 0
    many = -1
    while at < len(text):
        if place < len(wanted) and wanted[place] == "%":
            many, kept = place, at
            place += 1
        elif place < len(wanted) and wanted[place] in {"_", text[at]}:
            at, place = at + 1, place + 1
        elif many >= 0:
            kept += 1
            at, place = kept, many + 1
        else:
            return False
    return not wanted[place:].strip("%")


def _ilike(actual: Value, pattern: Value) -> bool:
    return _like(str(actual).casefold(), str(pattern).casefold())


def _in(actual: Value, listed: Value) -> bool:
    return isinstance(listed, tuple) and actual in listed


_COMPARE: dict[str, Callable[[Value, Value], bool]] = {
    "=": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
    "LIKE": _like,
    "ILIKE": _ilike,
    "IN": _in,
    "NOT IN": lambda actual, listed: not _in(actual, listed),
}
