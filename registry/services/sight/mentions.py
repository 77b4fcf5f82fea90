"""What a value names: names of models and datasets, typed or inside a text, and what stands in their place.

The same walk finds names in what a verb is given and puts others in their place, so that nothing is found that is not
replaced.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from lineage import Node
from registry.domain.manifests import FileEntry
from registry.domain.names import PART, Name, Reference, VersionRef

_NAME = re.compile(
    rf"(?:(?<=:/)|(?<=models/)|(?<=datasets/)|(?<![A-Za-z0-9_./-]))({PART})/({PART})(?:/([1-9][0-9]{{0,8}})(?![0-9]))?"
)
_DOTTED = re.compile(rf"({PART})\.({PART})(?:/([1-9][0-9]{{0,8}}))?")
_TEAM = re.compile(rf"team:({PART})")
ABOUT = (
    "ref", "output", "wanted", "name", "subject", "target", "model", "summary", "dataset", "version", "focus", "what",
    "data_label",
)  # fmt: skip
"""The attributes that say what a value is about, the first of them that names something."""
_UNTOUCHED = (FileEntry,)
"""Paths in a version are no names."""

Rename = Callable[[Name, int | None], tuple[Name, int | None]]
"""What takes the place of a name with its number, if there is one; the same for one that stays."""


def about(value: object) -> Name | None:
    """The model or dataset that a value is about; None where it is about none, or about several."""
    if isinstance(value, Name):
        return value
    if isinstance(value, VersionRef | Reference):
        return value.name
    if isinstance(value, Node):
        return about_text(value.label)
    if not is_dataclass(value):
        return None
    for attribute in ABOUT:
        one = getattr(value, attribute, None)
        found = about_text(one) if type(one) is str else about(one) if one is not None else None
        if found is not None:
            return found
    return None


def about_text(text: str) -> Name | None:
    """What a text names that is a reference, a label, or the subject of an entry of the log."""
    if (team := _TEAM.fullmatch(text)) is not None:
        return _name(team[1], "x")
    match = _NAME.match(text.removeprefix("models:/").removeprefix("datasets:/"))
    return _name(match[1], match[2]) if match else None


def names_in(text: str) -> list[Name]:
    """Every name that a text may hold."""
    found = [_name(match[1], match[2]) for match in _NAME.finditer(text)]
    if (dotted := _DOTTED.fullmatch(text)) is not None:
        found.append(_name(dotted[1], dotted[2]))
    return [one for one in found if one is not None]


def typed(value: object) -> list[Name]:
    """Every name that a value holds as such, in order: texts in it name nothing."""
    return [one if isinstance(one, Name) else one.name for one in _typed(value)]


def versions_in(value: object) -> list[VersionRef | Reference]:
    """Every version that a value names as such, in order."""
    return [one for one in _typed(value) if not isinstance(one, Name)]


def _typed(value: object) -> list[Name | VersionRef | Reference]:
    if isinstance(value, Name | VersionRef | Reference):
        return [value]
    if isinstance(value, Mapping):
        return [name for one in value.values() for name in _typed(one)]
    if isinstance(value, list | tuple | set | frozenset):
        return [name for one in value for name in _typed(one)]
    if is_dataclass(value) and not isinstance(value, type):
        return [name for one in fields(value) for name in _typed(getattr(value, one.name))]
    return []


def rewritten(text: str, rename: Rename) -> str:
    """The text with other names, where `rename` gives others."""

    def other(match: re.Match[str], joint: str = "/") -> str:
        name, number = _name(match[1], match[2]), int(match[3]) if match[3] else None
        if name is None:
            return match[0]
        new, version = rename(name, number)
        if (new, version) == (name, number):
            return match[0]
        return f"{new.team}{joint}{new.name}" + ("" if version is None else f"/{version}")

    if (dotted := _DOTTED.fullmatch(text)) is not None:
        return other(dotted, ".")
    return _NAME.sub(other, text) if "/" in text else text


def renamed(value: Any, rename: Rename) -> Any:
    """A value with other names in every place of it, where `rename` gives others; else the value itself."""
    if isinstance(value, Enum | bytes) or value is None or isinstance(value, _UNTOUCHED):
        return value
    if isinstance(value, str):
        return rewritten(value, rename)
    if isinstance(value, Name):
        return rename(value, None)[0]
    if isinstance(value, VersionRef | Reference):
        name, number = rename(value.name, value.number)
        return value if name == value.name else changed(value, {"name": name, "number": number})
    if isinstance(value, Mapping):
        return {renamed(key, rename): renamed(one, rename) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [renamed(one, rename) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if is_dataclass(value) and not isinstance(value, type):
        return changed(value, {one.name: renamed(getattr(value, one.name), rename) for one in fields(value)})
    return value


def changed(value: Any, other: Mapping[str, object]) -> Any:
    """A copy of a value with other attributes, which are not checked again; the value itself where none is another."""
    if all(getattr(value, name) is new for name, new in other.items()):
        return value
    new = copy.copy(value)
    for name, one in other.items():
        object.__setattr__(new, name, one)
    return new


def _name(team: str, name: str) -> Name | None:
    """None where the two together are too long for a name."""
    return Name(team, name) if len(team) + len(name) < 96 else None
