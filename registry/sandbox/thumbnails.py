"""Small pictures of a dataset's rows, decoded in a confined process, as `registry.sandbox.readers` reads datasets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from registry.errors import AdapterError
from registry.limits import DataLimits
from registry.ports.data import HowToRead, Place
from registry.sandbox.data_wire import decode_thumbnails
from registry.sandbox.readers import answer_of, request_for, run


def thumbnails_in_subprocess(
    root: Path, places: Sequence[Place], *, staging: Path, limits: DataLimits
) -> Sequence[bytes]:
    """A PNG for each of `places` under `root`, as `DataSource.thumbnails` describes. `staging` is a private folder.

    Raises: BadDataError, TooLargeError naming the limit on memory or time, AdapterError.
    """
    request = request_for(root, HowToRead(), staging=staging, cache=staging, limits=limits)
    request = replace(request, shown=tuple(places))
    made = decode_thumbnails(answer_of(request, run(request)))
    if len(made) != len(places):
        raise AdapterError(f"The reading process gave {len(made)} pictures of {len(places)} rows")
    return made
