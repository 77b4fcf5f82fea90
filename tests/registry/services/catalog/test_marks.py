"""Setting marks and taking them away: who may, what is no mark, and that the log tells of every change."""

from __future__ import annotations

import pytest

from registry.domain.catalog.marks import Marks, NewMark
from registry.domain.names import Reference, VersionRef
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError
from registry.services.audit.verbs import Audit
from registry.services.catalog.marks import mark
from tests.registry.services.teams import Team, ref_of


def put(team: Team, ref: VersionRef, name: str, who: str = "ana") -> Marks:
    return mark(team.context(who), ref_of(ref), NewMark(name, "letters of customers"))


def take(team: Team, ref: VersionRef, name: str, who: str) -> Marks:
    return mark(team.context(who), ref_of(ref), NewMark(name, "the names are gone", present=False))


def test_who_made_a_version_or_may_only_edit_does_not_take_its_mark_away(team: Team) -> None:
    data = team.add_data()
    put(team, data, "personal-data", "dora")
    for who in ("ana", "dora", "guest"):
        with pytest.raises(PermissionDeniedError):
            take(team, data, "personal-data", who)
    assert take(team, data, "personal-data", "root").marks == ()
    assert team.actions(str(data))[-2:] == ["mark.added", "mark.removed"]
    put(team, data, "personal-data", "dora")
    team.people("root").link("root", "ana")
    with pytest.raises(PermissionDeniedError, match="made datasets:/data/mnist/1, and somebody else"):
        take(team, data, "personal-data", "root")


def test_the_log_tells_of_marks_that_the_database_has_otherwise(team: Team) -> None:
    data = team.add_data()
    put(team, data, "personal-data")
    put(team, data, "risk:high")
    audit = Audit(team.context("root"))
    assert audit.verify(state=True).differences == ()
    with team.open_uow(actor="root", write=True) as uow:
        uow.graph.remove_mark(data, "risk:high")
        uow.commit_unaudited()
    assert audit.verify(state=True).differences == (
        f"The marks of {data} is personal-data in the database, and personal-data, risk:high by the log",
    )


def test_what_is_no_mark_is_refused_with_a_sentence(team: Team) -> None:
    data = team.add_data()
    for wrong in ("", "Personal", "a b", "export", "risk", "personal-data:", "a" * 41, "x:" + "y" * 201, "café", "a,b"):
        with pytest.raises(InvalidError):
            put(team, data, wrong)
    with pytest.raises(InvalidError, match="is almost the mark personal-data"):
        put(team, data, "personal-dat")
    with pytest.raises(InvalidError, match="The reason is empty"):
        mark(team.context("ana"), ref_of(data), NewMark("personal-data", " "))
    put(team, data, "personal-data")
    with pytest.raises(ConflictError, match="has the mark personal-data"):
        put(team, data, "personal-data")
    with pytest.raises(ConflictError, match="was not given the mark risk:low"):
        take(team, data, "risk:low", "root")
    with pytest.raises(NotFoundError):
        mark(team.context("ana"), Reference.parse("models:/no/such/1"), NewMark("personal-data", "r"))
