"""The n-th call of the store fails, for every n until the operation succeeds: nothing half done is ever seen."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from registry import bootstrap
from registry.domain.audit import Event
from registry.errors import NoSpaceError, RegistryError, UnavailableError
from registry.services.artifacts.verbs import Store
from registry.services.backups.creating import Backups
from registry.services.context import Context
from registry.services.governance.verbs import Promotions
from tests.builders import add_version, store
from tests.registry.services.artifacts.worlds import StoredWorld, stored_world
from tests.registry.services.teams import Team, ref_of

CALLS = {"put", "open", "size", "exists", "verify", "put_at", "discard", "moment", "list"}


class FailingBlobs:
    """A store of which the call with the number `fails_at` fails; a put that fails has stored its bytes or not."""

    def __init__(self, inner: Any, fails_at: int, error: RegistryError) -> None:
        self._inner, self._left, self._error = inner, [fails_at], error

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name == "holding":
            return self._holding
        return self._counted(found, name) if name in CALLS else found

    @property
    def failed(self) -> bool:
        return self._left[0] <= 0

    def _holding(self) -> Any:
        return _Held(self)

    def _counted(self, found: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self._left[0] -= 1
            if self._left[0] == 0:
                if name == "put" and isinstance(self._error, UnavailableError):
                    found(*given, **named)  # it was done, and the answer was lost
                raise self._error
            return found(*given, **named)

        return call


class _Held:
    """The hold of the inner store, with the failing one to put into."""

    def __init__(self, failing: FailingBlobs) -> None:
        self._failing, self._hold = failing, failing._inner.holding()

    def __enter__(self) -> FailingBlobs:
        self._hold.__enter__()
        return self._failing

    def __exit__(self, *how: Any) -> Any:
        return self._hold.__exit__(*how)


def publish(context: Context, _folder: Path, world: StoredWorld) -> None:
    with context.holding() as held:
        store(held.blobs, "new content")
        with held.write() as uow:
            ref = add_version(uow, "vision/digits", content="new content")
            uow.commit(Event("model_version.imported", str(ref)))


def add_evidence(context: Context, _folder: Path, world: StoredWorld) -> None:
    report = io.BytesIO(b"# a new report")
    Promotions(context).add_evidence(ref_of(world.digits), "model_card", {}, file=report, file_name="report.md")


def request(context: Context, _folder: Path, world: StoredWorld) -> None:
    Promotions(context).request(ref_of(world.digits), "candidate")


def back_up(context: Context, folder: Path, _world: StoredWorld) -> None:
    report = Backups(context).create(folder)
    assert report.backup.faults == ()


def collect(context: Context, _folder: Path, _world: StoredWorld) -> None:
    Store(context).collect(grace=timedelta(0), delete=True)


def verify(context: Context, _folder: Path, _world: StoredWorld) -> None:
    Store(context).verify(restart=True)


BY = {publish: "ana", add_evidence: "ana", request: "ana"}
OPERATIONS = [publish, add_evidence, request, back_up, collect, verify]
ERRORS = [NoSpaceError("The disk is full"), UnavailableError("The store cannot be reached")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__)
def test_a_call_of_the_store_that_fails_leaves_nothing_half_done(
    team: Team, tmp_path_factory: pytest.TempPathFactory, operation: Callable[..., None], error: RegistryError
) -> None:
    world, folder = stored_world(team), tmp_path_factory.mktemp("elsewhere") / "backup"
    back_up(team.context("root"), folder, world)
    team.blobs.put(io.BytesIO(b"left over"))
    team.blobs.pass_time(100_000)
    for number in range(1, 400):
        failing = FailingBlobs(team.blobs, number, error)
        before, stored = rows(team), set(team.blobs.kept)
        try:
            operation(replace(team.context(BY.get(operation, "root")), blobs=failing), folder, world)
        except type(error):
            assert rows(team)["version"] == before["version"]
            assert rows(team)["evidence"] == before["evidence"]
            assert rows(team)["request"] == before["request"]
            if isinstance(error, NoSpaceError):
                assert set(team.blobs.kept) <= stored, "what was put is given back"
        assert bootstrap.verify_backup(folder).problems == ()
        assert world.store.verify(restart=True).damage == ()
        if not failing.failed:
            assert number > 1
            return
    pytest.fail("it never succeeded")


def rows(team: Team) -> dict[str, int]:
    with team.open_uow(actor="root") as uow:
        return dict(uow.whole.rows())
