"""Opening the team: made once, the same on both databases, and clear when it cannot be opened."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from registry import bootstrap
from registry.domain.audit import Event
from registry.domain.codec import to_json
from registry.domain.paging import PageRequest
from registry.errors import BadPolicyError, ConflictError, HomeNotFoundError, UnauthenticatedError
from registry.settings import Settings
from registry.storage.database import default_url, open_database
from registry.storage.lineage import generations, impact
from tests.builders import add_version, digest, step
from tests.verdicts import a_verdict


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
        assert registry.sessions.authenticate(first.token).handle == "ana"
        assert [p.name for p in registry.promotions.policies()] != []
        assert registry.audit.verify().intact


def test_a_registry_folder_is_created_once_and_opened(tmp_path: Path) -> None:
    make_and_open(tmp_path / "home", Settings())


@pytest.mark.postgres
def test_a_registry_on_postgresql_works_the_same(tmp_path: Path, postgres_settings: Settings) -> None:
    make_and_open(tmp_path / "home", postgres_settings)


@pytest.mark.parametrize("there", [None, 0o777, 0o500])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o177])
def test_a_new_registry_folder_is_closed_to_other_users_of_the_machine(
    tmp_path: Path, umask: int, there: int | None
) -> None:
    home = tmp_path / "home"
    if there is not None:
        home.mkdir()
        home.chmod(there)
    former = os.umask(umask)
    try:
        bootstrap.init(home, settings=Settings(), actor="ana")
    finally:
        os.umask(former)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.iterdir())}
    assert (modes["home"], modes["blobs"]) == (0o700, 0o700)
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


def test_a_folder_that_is_not_a_registry_folder_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(HomeNotFoundError, match="forebear init"):
            bootstrap.open(folder, settings=Settings(), actor="ana")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_person_is_refused_everywhere(tmp_path: Path) -> None:
    bootstrap.init(tmp_path / "home", settings=Settings(), actor="ana")
    with pytest.raises(UnauthenticatedError, match="Unknown user 'eve'; the people of this registry are "):
        bootstrap.open(tmp_path / "home", settings=Settings(), actor="eve")


def test_a_folder_whose_creation_was_cut_short_says_how_to_end_it(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir()
    with open_database(default_url(tmp_path)) as database:
        database.create_or_upgrade()
    with pytest.raises(UnauthenticatedError, match="no people yet") as refused:
        bootstrap.open(tmp_path, settings=Settings(), actor="ana")
    assert refused.value.remedy == "Run: forebear init"
    bootstrap.init(tmp_path, settings=Settings(), actor="ana")
    bootstrap.open(tmp_path, settings=Settings(), actor="ana").close()


def test_who_has_no_account_upgrades_a_folder_and_makes_none(tmp_path: Path) -> None:
    bootstrap.init(tmp_path / "home", settings=Settings(), actor="ana")
    with pytest.raises(ConflictError, match="has people already"):
        bootstrap.init(tmp_path / "home", settings=Settings(), actor="root")
    report = bootstrap.init(tmp_path / "home", settings=Settings(), actor="root", upgrade=True)
    assert (report.created, report.token) == (False, None)
    with bootstrap.open(tmp_path / "home", settings=Settings(), actor="ana") as registry:
        assert [one.handle for one in registry.people.search(PageRequest()).items] == ["ana"]


def test_an_upgrade_marks_the_verdicts_that_it_does_not_trust_and_says_so(tmp_path: Path) -> None:
    home, new = tmp_path / "home", step("vision/digits")
    new = replace(new, recipe={**new.recipe, "submitted": {"baselines": {"seeds": [7]}}})
    manifest = {"facts": {"baselines": {"verdict": to_json(a_verdict())}}}
    bootstrap.init(home, settings=Settings(), actor="ana")
    with bootstrap.open_system(home, settings=Settings()) as registry, registry.context.write() as uow:
        uow.steps.add(new)
        uow.steps.set_manifest(new.id, json.dumps(manifest).encode(), digest("earlier"))
        uow.commit(Event("transfer.submitted", new.id))
    assert bootstrap.init(home, settings=Settings(), actor="ana").voided == ()
    said = f"The verdict ({new.id}) is void: its stored answers cannot be read, so it cannot be checked"
    assert bootstrap.init(home, settings=Settings(), actor="ana", upgrade=True).voided == (said,)
    assert bootstrap.init(home, settings=Settings(), actor="ana", upgrade=True).voided == ()
    with bootstrap.open(home, settings=Settings(), actor="ana") as registry:
        assert registry.audit.search(action="verdict.voided").items[0].actor == "system"


def test_a_server_compiles_a_large_graph_each_minute_and_an_upgrade_removes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    bootstrap.init(home, settings=Settings(), actor="ana")
    with bootstrap.open_system(home, settings=Settings()) as registry:
        with registry.context.write() as uow:
            add_version(uow, "vision/digits", parents=[add_version(uow, "vision/base")])
            uow.commit_unaudited()
        bootstrap.do_what_is_due(registry)
        assert not (home / "graph").exists(), "it is small"
        monkeypatch.setattr(generations, "SAVED_FROM", 3)
        monkeypatch.setattr(impact, "WORTH_KEEPING", 3)
        bootstrap.do_what_is_due(registry)
    assert [one.name for one in (home / "graph").iterdir()] == ["3"]
    bootstrap.init(home, settings=Settings(), actor="ana", upgrade=True)
    assert not (home / "graph").exists()


def test_a_registry_begins_with_the_policy_that_it_is_given_and_takes_no_other_in_its_place(tmp_path: Path) -> None:
    home, settings = tmp_path / "home", Settings()
    text = (Path(__file__).parents[2] / "examples/policies/team.yaml").read_text(encoding="utf-8")
    with pytest.raises(BadPolicyError):
        bootstrap.init(home, settings=settings, actor="ana", policy="stages: []")
    assert bootstrap.init(home, settings=settings, actor="ana", policy=text).created
    with bootstrap.open(home, settings=settings, actor="ana") as registry:
        assert [one.name for one in registry.promotions.policies()] == ["team"]
    with pytest.raises(ConflictError, match="This registry has a policy already"):
        bootstrap.init(home, settings=settings, actor="ana", policy=text)


def test_a_second_server_of_a_registry_folder_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    home = tmp_path / "home"
    bootstrap.init(home, settings=Settings(), actor="ana")
    with (
        bootstrap.only_server(home, settings=Settings()),
        pytest.raises(ConflictError, match="Another server works with the registry folder"),
        bootstrap.only_server(home, settings=Settings()),
    ):
        pass
    with bootstrap.only_server(home, settings=Settings()):
        pass


def refused_with_the_same_database(tmp_path: Path, settings: Settings) -> None:
    """Two registry folders over one database: commands may work with both, and one of them has a server."""
    for name in ("one", "two"):
        bootstrap.init(tmp_path / name, settings=settings, actor="ana")
    with bootstrap.only_server(tmp_path / "one", settings=settings):
        with (
            pytest.raises(ConflictError, match="Another server works with th"),
            bootstrap.only_server(tmp_path / "two", settings=settings),
        ):
            pass
        with bootstrap.open(tmp_path / "two", settings=settings, actor="ana") as registry:
            registry.people.add("ben", "Ben")
    with bootstrap.only_server(tmp_path / "two", settings=settings):
        pass


def test_a_server_with_another_ones_sqlite_file_is_refused(tmp_path: Path) -> None:
    refused_with_the_same_database(tmp_path, Settings(database_url=f"sqlite:///{tmp_path / 'shared.db'}"))


@pytest.mark.postgres
def test_a_server_with_another_ones_postgresql_database_is_refused(tmp_path: Path, postgres_settings: Settings) -> None:
    refused_with_the_same_database(tmp_path, postgres_settings)


def test_the_lock_of_a_server_that_was_killed_is_free(tmp_path: Path) -> None:
    home = tmp_path / "home"
    bootstrap.init(home, settings=Settings(), actor="ana")
    child = os.fork()
    if child == 0:
        with bootstrap.only_server(home, settings=Settings()):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with bootstrap.only_server(home, settings=Settings()):
        pass
