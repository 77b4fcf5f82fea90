"""Imports without a process of their own, for tests about what comes after: each one loads torch and transformers anew.

What the process is for is tested in `tests/registry/test_sandbox.py` and, from the command line, in `test_cli.py`.
"""

from __future__ import annotations

import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from registry.errors import RegistryError
from registry.sandbox import parent
from registry.sandbox.child import convert
from registry.sandbox.wire import ANSWER, Request, encode_answer


@contextmanager
def importing_here() -> Iterator[None]:
    """Sources are converted in this process; their answers are encoded, read and checked as those of the other are.

    One at a time: the folder of temporary files is one of the whole process.
    """
    alone, convert_in_subprocess = threading.Lock(), parent.convert_in_subprocess

    def one_at_a_time(*args: Any, **kwargs: Any) -> Any:
        with alone:
            return convert_in_subprocess(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parent, "_run", _run)
        patch.setattr(parent, "convert_in_subprocess", one_at_a_time)
        yield


def _run(request: Request, scratch: Path) -> None:
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")  # as in a process that pytest does not watch
        patch.setattr(tempfile, "tempdir", str(scratch))
        try:
            answer = encode_answer(convert(request))
        except RegistryError as error:
            answer = encode_answer(error)
    (scratch / ANSWER).write_text(answer, encoding="utf-8")
