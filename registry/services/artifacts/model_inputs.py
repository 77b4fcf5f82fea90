"""Source models on disk for the length of a step: a version's files, and for an adapter those of its parent too."""

from __future__ import annotations

from pathlib import Path

from registry.domain.catalog.models import VersionDetail
from registry.domain.manifests import Manifest
from registry.domain.transfers.adapted import PIN, Pin, is_adapter
from registry.domain.transfers.steps import StepInput
from registry.ports.transfers import ModelInput
from registry.services.artifacts.storing import write_files
from registry.services.bases import parent_of
from registry.services.context import Context
from registry.services.lookup import found, refuse_withheld


def model_input(context: Context, item: StepInput, folder: Path) -> ModelInput:
    """The model that `item` names, its files in `folder`; an adapter's parent lies in `folder`-base.

    Raises: RefusedError for one that is withheld, IntegrityError for bytes that are not what was registered,
    ParentChangedError for an adapter whose parent has other bytes than those it was trained on.
    """
    with context.read() as uow:
        detail = found(uow.catalog.version(item.ref), item.ref)
        refuse_withheld(context, uow, detail.summary)
    folder.mkdir()
    write_files(context, item.ref, detail.files, folder)
    base = None
    if is_adapter(detail.files):
        base = model_input(context, base_of(context, detail), folder.with_name(f"{folder.name}-base"))
        pin_of(folder).check(base.digest)
    # The files were verified while they were written, so this is the digest of what lies there.
    digest = Manifest.of(detail.files).digest
    return ModelInput(folder, digest, item.role, detail.architecture, item.ref.label, base)


def base_of(context: Context, adapter: VersionDetail) -> StepInput:
    """The parent of an adapter: the source of the step that made it, or made the version that it is a copy of.

    Raises: BadArtifactError when there is not one, NotFoundError for a copy of a version that was deleted.
    """
    with context.read() as uow:
        return parent_of(uow, adapter)


def pin_of(folder: Path) -> Pin:
    """The parent that the files of an adapter in `folder` name. Raises: BadArtifactError."""
    return Pin.read((folder / PIN).read_bytes())
