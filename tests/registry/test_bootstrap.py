"""Opening the team: made once, the same on both databases, and clear when it cannot be opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from registry import bootstrap
from registry.domain.paging import PageRequest
from registry.errors import HomeNotFoundError, UnauthenticatedError
from registry.settings import Settings


@pytest.fixture
def postgres_settings(new_postgres_url: Callable[[], str]) -> Settings:
    return Settings(database_url=new_postgres_url())


def make_and_open(home: Path, settings: Settings) -> None:
    first = bootstrap.init(home, settings=settings, actor="ana")
    again = bootstrap.init(home, settings=settings, actor="ana")
    assert first.created
    assert first.token is not None
    assert not again.created
    assert again.token is None
    with bootstrap.open(home, settings=settings, actor="ana") as registry:
        assert [p.handle for p in registry.people.search(PageRequest()).items] == ["ana"]
        assert registry.people.authenticate(first.token).handle == "ana"
        assert [p.name for p in registry.promotions.policies()] != []
        assert registry.audit.verify().intact


def test_a_home_is_made_once_and_opened(tmp_path: Path) -> None:
    make_and_open(tmp_path / "home", Settings())


@pytest.mark.postgres
def test_a_home_on_postgresql_is_the_same(tmp_path: Path, postgres_settings: Settings) -> None:
    make_and_open(tmp_path / "home", postgres_settings)


def test_a_folder_that_is_no_home_is_told_so(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(HomeNotFoundError, match="forebear init"):
            bootstrap.open(folder, settings=Settings(), actor="ana")
    assert list(tmp_path.iterdir()) == []


def test_somebody_unknown_is_let_in_nowhere(tmp_path: Path) -> None:
    bootstrap.init(tmp_path / "home", settings=Settings(), actor="ana")
    with pytest.raises(UnauthenticatedError, match="Unknown user 'eve'; the people of this registry are "):
        bootstrap.open(tmp_path / "home", settings=Settings(), actor="eve")
