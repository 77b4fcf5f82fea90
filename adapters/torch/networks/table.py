"""The table of architectures: `architectures.yaml` of this package, and `architecture.yaml` beside a user's weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from adapters.torch.architectures import NAMINGS, PICTURES, Layout, own_names
from adapters.torch.networks.families import FAMILIES, Description, lite_repeats
from adapters.weights.source_files import read_text
from registry.errors import BadArtifactError

BESIDE = ("architecture.yaml", "architecture.yml")
"""Names of the file that describes the architecture of the weights beside it."""
_KEYS = frozenset(
    (
        "name",
        "like",
        "stock",
        "family",
        "settings",
        "layers",
        "pictures",
        "side",
        "rename",
        "naming",
        "leave_out",
        "head",
    )
)
_LARGEST = 1024 * 1024
"""Bytes of a description at most."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One architecture as data. Either `stock`, a config of transformers, or `layers`."""

    name: str
    layouts: tuple[Layout, ...]
    preprocessor: Mapping[str, Any]
    stock: Mapping[str, Any] = field(default_factory=dict)
    layers: Description = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    head: str = "linear"


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    """Every entry that comes with this package, with what it is like and with the rules that it names."""
    document = yaml.safe_load(files(__package__).joinpath("architectures.yaml").read_text(encoding="utf-8"))
    whole: dict[str, dict[str, Any]] = {}
    for name, raw in document["architectures"].items():
        whole[name] = _complete(raw, whole)
    rules = ("renames", "rename"), ("leave_out", "leave_out")

    def ruled(raw: dict[str, Any]) -> dict[str, Any]:
        return raw | {key: document[group].get(raw.get("rename"), []) for group, key in rules}

    return {name: ruled(raw) for name, raw in whole.items()}


def shipped_names() -> tuple[str, ...]:
    """The architectures that come with this package."""
    return tuple(_table())


def shipped(name: str) -> Entry | None:
    """The architecture `name` of this package; None when there is none."""
    return _entry(name, _table()[name]) if name in _table() else None


def described_beside(file: Path) -> Entry | None:
    """The architecture that the folder of `file` describes; None without a description. Raises: BadArtifactError."""
    found = [file.parent / name for name in BESIDE if (file.parent / name).is_file()]
    return read_entry(found[0]) if found else None


def read_entry(path: Path) -> Entry:
    """The architecture that the file `path` describes. Raises: BadArtifactError naming what is wrong."""
    if path.stat().st_size > _LARGEST:
        raise BadArtifactError(f"{path.name!r} is larger than {_LARGEST:,} bytes")
    try:
        text = read_text(path)
        if any(isinstance(token, (yaml.AnchorToken, yaml.AliasToken)) for token in yaml.scan(text)):
            raise ValueError("it holds anchors or aliases; write every part out")
        raw = yaml.safe_load(text)
        if not isinstance(raw, dict) or not re.fullmatch(r"[a-z0-9_]{1,60}", str(raw.get("name"))):
            raise ValueError("it is a mapping whose key name is written in lower-case letters, digits and _")
        if strange := sorted(map(str, raw.keys() - _KEYS)):
            raise ValueError(f"there is no key {strange[0][:60]!r}: there are {', '.join(sorted(_KEYS))}")
        if "like" in raw and raw["like"] not in _table():
            raise ValueError(f"there is no architecture {str(raw['like'])[:60]!r} to be like")
        return _entry(str(raw["name"]), _complete(raw, _table()))
    except (yaml.YAMLError, ValueError, TypeError, KeyError, RecursionError, re.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadArtifactError(
            f"{path.name!r} describes no architecture: {reason}"[:400],
            remedy="See docs/models.md, 'An architecture of your own'",
        ) from error


def _complete(raw: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """`raw` over the entry that it is `like`; `settings` and `stock` are joined key by key."""
    if "like" not in raw:
        return dict(raw)
    base = others[raw["like"]]
    joined = {key: {**base.get(key, {}), **raw.get(key, {})} for key in ("settings", "stock") if key in base}
    return {**base, **{key: value for key, value in raw.items() if key != "like"}, **joined}


def _entry(name: str, raw: Mapping[str, Any]) -> Entry:
    """Raises: ValueError, TypeError, KeyError."""
    settings = raw.get("settings") or {}
    if "family" in raw and raw["family"] not in FAMILIES:
        raise ValueError(f"there is no family {raw['family']!r}: there are {', '.join(FAMILIES)}")
    layers = FAMILIES[raw["family"]](**settings) if "family" in raw else raw.get("layers") or {}
    if bool(layers) is bool(raw.get("stock")) or not isinstance(layers, dict):
        raise ValueError("it gives one of stock, family and layers; layers is a mapping")
    if raw.get("head", "linear") not in {"linear", "convolution"}:
        raise ValueError("head is linear or convolution")
    return Entry(
        name=name,
        layouts=_layouts(raw, settings),
        preprocessor=_pictures(raw.get("pictures", "imagenet"), raw.get("side")),
        stock=raw.get("stock") or {},
        layers=layers,
        leave_out=tuple(map(str, raw.get("leave_out") or ())),
        head=raw.get("head", "linear"),
    )


def _layouts(raw: Mapping[str, Any], settings: Mapping[str, Any]) -> tuple[Layout, ...]:
    if "naming" in raw:
        starts = lite_repeats(settings["depth"]) if raw.get("family") == "efficientnet_lite" else []
        return NAMINGS[raw["naming"]](starts)
    rules = [(re.compile(pattern), replacement) for pattern, replacement in raw.get("rename") or []]

    def renamed(name: str) -> str:
        for pattern, replacement in rules:
            if pattern.match(name):
                return str(pattern.sub(replacement, name, count=1))
        return name

    return (renamed,) if rules else (own_names,)


def _pictures(named: object, side: object) -> Mapping[str, Any]:
    """By the name of a way to prepare pictures, or by the Hub's keys; `side` in pixels replaces the square's."""
    if isinstance(named, str) and named not in PICTURES:
        raise ValueError(f"there is no {named!r} for pictures: there are {', '.join(PICTURES)}")
    known = PICTURES[named] if isinstance(named, str) else named
    if not isinstance(known, Mapping):
        raise ValueError("pictures is a name, or the keys of preprocessor_config.json")  # noqa: TRY004 - see `read_entry`
    return dict(known) if side is None else {**known, "size": {"height": side, "width": side}}
