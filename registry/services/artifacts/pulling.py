"""Pull: a version's files in a folder of their own, ready to load with stock tools and without Forebear."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry.domain.catalog.models import VersionDetail
from registry.domain.catalog.statuses import Use, notice
from registry.domain.transfers.adapted import BASE, is_adapter
from registry.domain.verbs.catalog import PullReport
from registry.errors import ConflictError
from registry.services.artifacts.model_inputs import base_of, model_input, pin_of
from registry.services.artifacts.storing import write_files, writing
from registry.services.context import Context


def pull_model(context: Context, detail: VersionDetail, folder: Path) -> PullReport:
    """Write the payload, the card as README.md, and the one-file definition where stock tools have none.

    An adapter comes with its parent, in a folder of its own. The folder appears whole or not at all.
    Raises: ConflictError when it exists and is not empty, IntegrityError, ParentChangedError, NoSpaceError,
    UnavailableError.
    """
    with new_folder(folder) as staged:
        write_files(context, detail.summary.ref, detail.files, staged)
        if detail.card is not None and not (staged / "README.md").exists():
            (staged / "README.md").write_text(detail.card.text, encoding="utf-8")
        definition = context.plugins.definition(detail.architecture)
        if definition is not None:
            name, source = definition
            (staged / name).write_bytes(source)
        size = detail.summary.size + (_pull_base(context, detail, staged) if is_adapter(detail.files) else 0)
        files = sum(1 for path in staged.rglob("*") if path.is_file())
    warned = notice(detail.summary.ref, detail.summary.status, detail.status_reason, Use.READ)
    return PullReport(detail.summary.ref, folder, files, size, warned)


def _pull_base(context: Context, adapter: VersionDetail, folder: Path) -> int:
    """Write the parent of an adapter beside it, and a line on loading both; gives the parent's size in bytes."""
    parent = model_input(context, base_of(context, adapter), folder / BASE)
    pin_of(folder).check(parent.digest)
    code = _loading(context, adapter.architecture)
    with (folder / "README.md").open("a", encoding="utf-8") as card:
        card.write(f"\nThis is an adapter for {parent.label} ({parent.digest}), which lies in `{BASE}`.")
        card.write(f" To load both: `{code}`.\n" if code else "\n")
    return sum(path.stat().st_size for path in (folder / BASE).rglob("*") if path.is_file())


def _loading(context: Context, architecture: str) -> str:
    """The code that loads files of `architecture` with their parent, from the adapter that wrote them; else empty."""
    for offer in context.plugins.offers().values():
        for beginning, code in offer.loading_with_parent.items():
            if architecture.startswith(beginning):
                return code.format(kind=architecture.removeprefix(beginning), base=BASE)
    return ""


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder beside `folder`, on the same disk, that becomes it at the end of the `with`; gone on any error.

    Raises: ConflictError when `folder` exists and is not empty, NoSpaceError, UnavailableError.
    """
    folder = folder.absolute()
    with writing(folder):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise _in_use(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            yield staged
            _publish(staged, folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)


def _publish(staged: Path, folder: Path) -> None:
    """Give `staged` its final name in one step, with the permissions that the umask allows."""
    mask = os.umask(0)
    os.umask(mask)
    staged.chmod(0o777 & ~mask)
    try:
        staged.rename(folder)  # replaces an empty folder, and no other
    except OSError as error:
        if folder.exists():
            raise _in_use(folder) from error
        raise


def _in_use(folder: Path) -> ConflictError:
    return ConflictError(f"{folder} exists and is not empty", remedy="Give a new folder")
