"""A small Keras archive that the tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.keras.networks import archive, tiny


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network with a head for three classes, as an archive."""
    return archive(tiny(classes=3), tmp_path_factory.mktemp("keras") / "tiny.keras")
