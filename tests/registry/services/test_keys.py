"""The key of a registry: made once, its owner's alone, or set."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from registry.errors import IntegrityError, UsageError
from registry.services.keys import registry_key
from registry.settings import Settings


def test_the_key_is_made_once_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    key = registry_key(tmp_path, Settings())
    assert len(key) >= 64
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert registry_key(tmp_path, Settings()) == key
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    registry_key(tmp_path, Settings())
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(IntegrityError, match="Others can read"):
        registry_key(tmp_path, Settings())


def test_the_key_can_be_set(tmp_path: Path) -> None:
    assert registry_key(tmp_path, Settings(secret="s" * 40)) == "s" * 40
    with pytest.raises(UsageError, match="shorter than 32 characters"):
        registry_key(tmp_path, Settings(secret="short"))
    assert not list(tmp_path.iterdir())
