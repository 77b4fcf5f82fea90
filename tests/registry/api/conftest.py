from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving import ServedRegistry, copy_of, serve_family


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> ServedRegistry:
    """A filled registry that tests only read."""
    return serve_family(tmp_path_factory.mktemp("family") / "home")


@pytest.fixture
def own_served(served: ServedRegistry, tmp_path: Path) -> ServedRegistry:
    """A copy that a test may change."""
    return copy_of(served, tmp_path / "home")
