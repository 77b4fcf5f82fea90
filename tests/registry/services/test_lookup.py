"""What is not there, taken or withheld is refused with the command or the reason that helps."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import AssetKind, Name, Reference, model_only
from registry.errors import BadReferenceError, NameTakenError, NotFoundError, RefusedError
from registry.services.lookup import all_versions, found, refuse_as_source, refuse_taken, resolve
from tests.registry.services.teams import Team


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("models:/vision/none/1", "forebear model list"),
        ("datasets:/data/none/1", "forebear dataset list"),
        ("step-01", "forebear transfer list"),
    ],
)
def test_what_is_not_there_names_the_command_that_lists_what_is(what: str, command: str) -> None:
    assert found(0, what) == 0
    with pytest.raises(NotFoundError, match=f"{what} does not exist.*{command}"):
        found(None, what)


def test_a_reference_without_a_number_is_the_newest_version(team: Team) -> None:
    team.publish()
    newest = team.publish()
    with team.open_uow(actor="ana") as uow:
        assert resolve(uow, Reference.parse("models:/vision/digits")) == newest
        assert [version.ref.number for version in all_versions(uow, newest.name)] == [2, 1]
        with pytest.raises(NotFoundError, match="forebear model show vision/digits"):
            resolve(uow, Reference.parse("models:/vision/digits/9"))


def test_a_dataset_is_no_model() -> None:
    with pytest.raises(BadReferenceError, match="is not a model"):
        model_only(Reference.parse("datasets:/data/mnist/1"))


def test_a_name_that_differs_by_a_hyphen_is_taken(team: Team) -> None:
    team.publish("vision/small-digits")
    with team.open_uow(actor="ana") as uow:
        refuse_taken(uow, AssetKind.MODELS, Name("vision", "other"))
        with pytest.raises(NameTakenError, match="vision/small_digits is taken"):
            refuse_taken(uow, AssetKind.MODELS, Name("vision", "small_digits"))


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.RECALLED, Status.SUSPENDED])
def test_nothing_is_made_from_a_version_that_is_archived_or_withheld(team: Team, status: Status) -> None:
    ref = team.publish()
    with team.open_uow(actor="root", write=True) as uow:
        before = found(uow.catalog.version(ref), ref).summary
        uow.catalog.set_status(ref, status, "old", at=team.clock.now())
        after = found(uow.catalog.version(ref), ref).summary
        now = team.clock.now()
        refuse_as_source(uow, before, now)
        with pytest.raises(RefusedError, match=f"{ref} is {status}"):
            refuse_as_source(uow, after, now)
