from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving import House, copy_of, serve_family


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A filled registry that tests only read."""
    return serve_family(tmp_path_factory.mktemp("family") / "home")


@pytest.fixture
def own_house(house: House, tmp_path: Path) -> House:
    """A copy that a test may change."""
    return copy_of(house, tmp_path / "home")
