"""Merging an adapter into its parent: the version that comes out is whole, and needs neither PEFT nor the parent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import transformers

from adapters.loop.environment import Environment
from adapters.transformers.models import quiet, read_config
from registry.errors import BadRecipeError
from registry.ports import TransferEvent


def merging(around: Environment) -> Iterator[TransferEvent]:
    """Write out the one source, which was an adapter and has been folded into its parent already.

    Raises: BadRecipeError for a source that never was an adapter.
    """
    source = around.job.sources[0]
    if not source.folder.is_relative_to(around.job.work):
        raise BadRecipeError(
            f"{source.label} is no adapter, so there is nothing to merge it with",
            remedy="Name an adapter as the source, or several models of one architecture",
        )
    kind = getattr(transformers, source.architecture.removeprefix("transformers:"))
    with quiet():
        model = kind.from_pretrained(source.folder, local_files_only=True).requires_grad_(False)
    yield around.started(model, 0)
    names = read_config(source.folder).get("id2label") or {}

    def save(folder: Path) -> None:
        shutil.copytree(source.folder, folder, dirs_exist_ok=True)

    classes = tuple(str(names[key]) for key in sorted(names, key=int))
    yield around.finished(save, source.architecture, flops=0.0, classes=classes)
