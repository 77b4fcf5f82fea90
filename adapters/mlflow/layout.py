"""The files of an MLflow model in a folder: its weights, with tokenizer and card beside them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from registry.domain.governance.logged import CARD, DESCRIPTION, FRONT, README, Layout, card_of, layout_of
from registry.errors import BadArtifactError
from registry.ports.registries import FetchedVersion

_MOST, _MAX_TEXT = 10_000, 1024 * 1024


def fetched(root: Path) -> FetchedVersion:
    """The weights under `root`, a folder that may be changed or a single file, and the base models it names.

    Raises: UnsafeArtifactError for a pickle, BadArtifactError for none, several, or an MLmodel that cannot be read.
    """
    if root.is_file():
        layout_of([root.name], {})
        return FetchedVersion(root)
    layout = layout_of(_paths(root), _flavours(root / DESCRIPTION))
    return FetchedVersion(_joined(root, layout), (layout.base,) if layout.base else ())


def _flavours(described: Path) -> Mapping[str, object]:
    if not described.is_file():
        return {}
    found = _yaml(described)
    flavours = found.get("flavors") if isinstance(found, Mapping) else None
    return flavours if isinstance(flavours, Mapping) else {}


def _yaml(path: Path) -> object:
    with path.open("rb") as opened:
        text = opened.read(_MAX_TEXT).decode("utf-8", "replace")
    try:
        return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes nothing but texts
    except (yaml.YAMLError, RecursionError) as error:
        raise BadArtifactError(f"Its {path.name} is not YAML") from error


def _joined(root: Path, layout: Layout) -> Path:
    place = root / layout.place
    for path, name in layout.beside.items():
        shutil.move(root / path, place / name)
    if layout.carded:
        front = root / FRONT
        head = front.read_text("utf-8", "replace") if front.is_file() else None
        (place / README).write_text(card_of(head, (root / CARD).read_text("utf-8", "replace")), "utf-8")
    return place


def _paths(root: Path) -> Sequence[str]:
    found = [one.relative_to(root).as_posix() for one in sorted(root.rglob("*")) if one.is_file()]
    if len(found) > _MOST:
        raise BadArtifactError(f"It has more than {_MOST:,} artifacts")
    return found
