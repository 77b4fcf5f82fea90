"""Reading a draft: the draft itself, its small files, and all of them into a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from registry.domain.drafts.drafts import Draft
from registry.domain.names import Name
from registry.errors import IntegrityError, InvalidError, NotFoundError
from registry.folders import writing
from registry.services.artifacts.storing import CHUNK
from registry.services.catalog.cards import MAX_CARD
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork


def draft_of(uow: UnitOfWork, name: Name) -> Draft:
    """The draft of a model. Raises: NotFoundError."""
    found = uow.drafts.get(name)
    if found is None:
        raise NotFoundError(f"There is no draft of models:/{name}", remedy="See what there is: forebear draft list")
    return found


def text_of(context: Context, draft: Draft, path: str) -> str | None:
    """The text of a file of a draft; None where there is none. Raises: InvalidError for too large, or no UTF-8."""
    entry = draft.file(path)
    if entry is None:
        return None
    if entry.size > MAX_CARD:
        raise InvalidError(f"{path} is larger than {MAX_CARD:,} bytes", remedy="Link to long material instead")
    with context.blobs.open(entry.sha256) as stream:
        body = stream.read()
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidError(f"{path} is not UTF-8 text") from error


def lay_out(context: Context, draft: Draft, folder: Path) -> None:
    """Write the files of a draft under `folder`, each verified. Raises: IntegrityError, NoSpaceError."""
    for entry in draft.files:
        target = folder / entry.path
        try:
            with writing(folder):
                target.parent.mkdir(parents=True, exist_ok=True)
                with context.blobs.open(entry.sha256) as stream, target.open("xb") as out:
                    shutil.copyfileobj(stream, out, CHUNK)
        except (NotFoundError, IntegrityError) as problem:
            raise IntegrityError(
                f"The bytes of {entry.path!r} in the draft of models:/{draft.name} are missing or were changed",
                remedy="Discard the draft with forebear draft discard, and upload the files again",
            ) from problem
