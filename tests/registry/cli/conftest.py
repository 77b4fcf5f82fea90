"""A command line in an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_line import CommandLine, command_line


@pytest.fixture
def forebear(tmp_path: Path) -> Iterator[CommandLine]:
    """`forebear`, as `ana`, with a home that is not made yet."""
    with command_line(tmp_path) as typed:
        yield typed
