"""Data that comes by a form: one file, registered as a dataset like any other upload."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from starlette.datastructures import FormData, UploadFile

from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.names import Name
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.registry import Registry
from registry.errors import UsageError
from registry.files import private_folder
from registry.presenting.starting import slug

MAX_DATA = 256 * 1024**2
"""Bytes of a file that a form takes; larger data is registered by a command."""
FIELDS = ("name", "licence", "text", "label")
_SUFFIX = re.compile(r"(\.[a-z0-9]{1,8}){1,2}")


def values_of(form: FormData) -> dict[str, str]:
    """What was typed, by field."""
    return {field: str(form.get(field, "")).strip() for field in FIELDS}


def add_from(registry: Registry, home: Path, form: FormData) -> DatasetVersionDetail:
    """Register the file in `form`. Raises: UsageError without one, and what `DatasetVerbs.add` raises."""
    file, typed = form.get("file"), values_of(form)
    if not isinstance(file, UploadFile) or not file.filename:
        raise UsageError("No file was chosen", remedy="Choose a file, or one of the datasets below")
    called = Path(file.filename.replace("\\", "/")).name.lower()
    suffix = "".join(Path(called).suffixes[-2:])
    name = typed["name"] or f"data/{slug(called.removesuffix(suffix))}"
    with private_folder(home / "uploads") as folder:  # the server sweeps this folder when it starts
        source = folder / f"data{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        with source.open("xb") as target:
            shutil.copyfileobj(file.file, target)
        return registry.datasets.add(
            AddDataset(
                Name.parse(name),
                str(source),
                licence=typed["licence"] or None,
                text_column=typed["text"] or "text",
                label_column=typed["label"] or "label",
                uploaded=True,
            )
        )
