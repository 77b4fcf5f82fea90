"""What is wrong with a document, in sentences: Pydantic's errors with their line, and where an unknown key belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import yaml
from pydantic import BaseModel

from registry.domain.text import did_you_mean, expected, nearest, shown

Path = tuple[str | int, ...]

_MAPPING = "keys with values (`key: value`)"
_LIST = "a list (`[a, b]`)"
EXPECTED: Mapping[str, str] = {
    "bool_type": "true or false",
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "list_type": _LIST,
    "tuple_type": _LIST,
    "too_short": "a list of {min_length} or more items",
    "int_type": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "string_type": "text",
    "string_too_short": "text of {min_length} or more characters",
    "string_too_long": "text of at most {max_length} characters",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "invalid-json-value": "text, a number, true, false, a list or keys with values",
}
"""What was expected, by the type of Pydantic's error. A test holds this against everything that our models raise."""
_BRANCH = re.compile(r"[a-z-]+\[.*\]", re.DOTALL)
"""How Pydantic names one of several forms of a value in the place of an error; `[key]` stands for a key itself."""
_FEW = 3
"""Places of one key that a sentence lists."""
MAX_PROBLEMS = 20
"""Mistakes that are told at once: finding the line and the near name of each takes a walk over the document."""


def sentences(
    problems: Sequence[Mapping[str, Any]], root: yaml.Node | None, model: type[BaseModel], places: Mapping[str, str]
) -> list[str]:
    """One sentence for each of the first mistakes, with its line. `places` gives the right place of unknown keys."""
    found: dict[Path, list[Mapping[str, Any]]] = {}
    for problem in problems:
        found.setdefault(_written(problem["loc"]), []).append(problem)
    deeper = {path[: len(path) - i] for path in found for i in range(1, len(path) + 1)}
    told = {
        path: ones
        for path, ones in found.items()
        # Otherwise another form of this value was recognised, and has a mistake within.
        if path not in deeper or not any(_BRANCH.fullmatch(str(part)) for one in ones for part in one["loc"])
    }
    lines = [
        f"Line {line_of(root, path)}: {_sentence(path, ones, model, places)}"
        for path, ones in islice(told.items(), MAX_PROBLEMS)
    ]
    return lines if len(told) <= MAX_PROBLEMS else [*lines, f"And {len(told) - MAX_PROBLEMS:,} more mistakes"]


def line_of(root: yaml.Node | None, path: Sequence[str | int]) -> int:
    """The line (from 1) where `path` is, or of the deepest part of it that is there."""
    node, line = root, 0
    for part in path:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, node = key.start_mark.line, value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
    return line + 1


def _written(loc: Sequence[str | int]) -> Path:
    """The path as it is in the document."""
    return tuple(part for part in loc if part != "[key]" and not _BRANCH.fullmatch(str(part)))


def _sentence(
    path: Path, problems: Sequence[Mapping[str, Any]], model: type[BaseModel], places: Mapping[str, str]
) -> str:
    where, problem = ".".join(map(str, path)), problems[0]
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        return _unknown_key(path, model, places)
    if kind == "missing":
        return f"the key {where!r} is missing"
    if kind == "invalid_key" or (problem["loc"][-1] == "[key]" and kind == "string_type"):
        return f"the key {shown(path[-1])} is not text: put it in quotes"
    if kind == "value_error":
        message = str(problem["msg"]).removeprefix("Value error, ")
        return f"{where}: {message}" if where else message
    what = " or ".join(dict.fromkeys(_expected(one) for one in problems))
    if kind in {"string_too_long", "too_short"}:
        return f"{where}: expected {what}, not {len(value):,}"
    quotes = kind in {"string_type", "invalid-json-value"} and not isinstance(value, list | Mapping | None)
    return f"{where}: {expected(what, value)}{': put it in quotes' if quotes else ''}"


def _expected(problem: Mapping[str, Any]) -> str:
    limits = {key: _limit(at) for key, at in (problem.get("ctx") or {}).items()}
    form = EXPECTED.get(problem["type"])
    return form.format(**limits) if form else str(problem["msg"])


def _limit(at: object) -> str:
    return f"{at:,}" if isinstance(at, int) else f"{at:g}" if isinstance(at, float) else str(at)


def _unknown_key(path: Path, model: type[BaseModel], places: Mapping[str, str]) -> str:
    """That there is no such key here: it belongs elsewhere, or another one was meant."""
    word, where, within = str(path[-1]), ".".join(map(str, path)), ".".join(p for p in path[:-1] if isinstance(p, str))
    known = list(_dotted(model))
    homes = [places[word]] if word in places else [place for place in known if place.rpartition(".")[2] == word]
    if len(homes) == 1 and homes[0].rpartition(".")[2] != word:
        parent, _, key = homes[0].rpartition(".")
        return f"there is no key {where!r}, did you mean {key if parent == within else homes[0]!r}?"
    if 1 <= len(homes) <= _FEW:
        there = " or ".join(_level(home.rpartition(".")[0]) for home in homes)
        return f"the key {word!r} belongs {there}, not {_level(within)}"
    here = [field.alias or name for name, field in _part_at(model, path[:-1]).model_fields.items()]
    others = {place.rpartition(".")[2] for place in known}
    if nearest(word, here) is None and (near := nearest(word, others, alike=0.8)):
        meant = " or ".join(repr(place) for place in known if place.rpartition(".")[2] == near)
        return f"there is no key {where!r}, did you mean {meant}?"
    return f"there is no key {where!r}{did_you_mean(word, here)}"


def _level(dotted: str) -> str:
    return f"under {dotted}" if dotted else "at the top level"


def _part_at(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The part of the document at `path`; names and numbers that are no keys of a part do not lead further."""
    for step in path:
        field = next((f for name, f in model.model_fields.items() if (f.alias or name) == step), None)
        model = next(iter(_models_in(field.annotation)), model) if field else model
    return model


def _dotted(model: type[BaseModel], within: str = "") -> Iterator[str]:
    """Every key at any depth, with the keys above it: `optimizer.lr`."""
    for name, field in model.model_fields.items():
        place = f"{within}.{field.alias or name}" if within else field.alias or name
        yield place
        for inner in _models_in(field.annotation):
            yield from _dotted(inner, place)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in getattr(annotation, "__args__", ()) for m in _models_in(argument)]
