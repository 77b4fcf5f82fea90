"""Small pictures of a dataset's examples, made by the confined process that reads data."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.data.looks import Look
from registry.errors import DatasetChangedError, RegistryError
from registry.services.artifacts.storing import write_files
from registry.services.context import Context
from registry.services.workspace import workspace

MOST = 512 * 1024**2
"""Bytes of the files that the examples are in, at most."""


def with_thumbnails(context: Context, detail: DatasetVersionDetail, seen: Look) -> Look:
    """`seen` with a picture for each example, or with the reason why there are none.

    Raises: DatasetChangedError when stored bytes are not what was registered.
    """
    places = [(one.path, one.index) for one in seen.examples if one.path is not None]
    paths = {path for path, _ in places}
    files = [entry for entry in detail.files if entry.path in paths]
    if (total := sum(entry.size for entry in files)) > MOST:
        return replace(seen, not_shown=f"The examples are in files of {total:,} bytes, more than is read for a look")
    with workspace(context.home, "data") as work:
        root = work / "files"
        root.mkdir()
        write_files(context, detail.summary.ref, files, root, error=DatasetChangedError)
        try:
            made = iter(context.plugins.thumbnails(root, places, staging=work))
        except RegistryError as error:  # the look itself is as good without them
            return replace(seen, not_shown=error.message)
    examples = [
        one if one.path is None else replace(one, thumbnail=b64encode(next(made)).decode()) for one in seen.examples
    ]
    return replace(seen, examples=tuple(examples))
