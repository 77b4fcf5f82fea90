"""What goes wrong in DVC, Pillow, PyArrow or the file system, as an error of `registry.errors`."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.exceptions import DvcException
from dvc_data.hashfile.build import IgnoreInCollectedDirError
from dvc_objects.errors import ObjectDBError, ObjectFormatError
from scmrepo.exceptions import SCMError

from registry.errors import AdapterError, BadDataError, NoSpaceError


@contextmanager
def declared(source: Path) -> Iterator[None]:
    """Turn errors of libraries and of the file system into errors of `registry.errors` while `source` is read."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise NoSpaceError("The disk is full", remedy="Make room and try again") from error
        name = Path(str(error.filename)).name if error.filename else source.name
        raise BadDataError(f"{name!r} cannot be read: {error.strerror or error}") from error
    except (DvcException, SCMError, ObjectDBError, ObjectFormatError, IgnoreInCollectedDirError) as error:
        raise AdapterError(f"DVC cannot read {source.name!r}: {error}") from error
