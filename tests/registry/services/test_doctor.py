"""The doctor names what is wrong with a registry folder, and changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from registry.domain.audit import Event
from registry.domain.people.people import Actor
from registry.domain.transfers.steps import MirrorState, StepState
from registry.domain.verbs.registry import Problem
from registry.errors import PermissionDeniedError
from registry.services.context import Context
from registry.services.doctor import examine
from registry.storage.database import Database
from tests.builders import add_version, step
from tests.receiving import receiving
from tests.registry.services.governance.reviews.test_conditions import promoted
from tests.registry.services.notifications.worlds import context_of, send, verbs
from tests.registry.services.teams import Team


def found(context: Context, check: str) -> list[Problem]:
    return [problem for problem in examine(context) if problem.check == check]


def test_a_sound_registry_has_no_error_and_nothing_is_written(team: Team) -> None:
    before = team.actions()
    problems = examine(team.context("guest"))
    assert [problem for problem in problems if problem.level == "error"] == []
    assert {"import-names", "extra-torch", "disk", "home", "audit"} <= {problem.check for problem in problems}
    assert team.actions() == before


def test_an_audit_entry_that_was_deleted_is_an_error(team: Team, sqlite_database: Database) -> None:
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_delete"))
        connection.execute(text("DELETE FROM audit_entry WHERE seq = 1"))
    (problem,) = found(team.context("guest"), "audit")
    assert (problem.level, problem.message) == ("error", "Entry 1 is missing: the next row is 2")


def test_a_mirror_that_fails_is_a_warning_with_its_reason(team: Team) -> None:
    new = step("vision/digits")
    with team.open_uow(actor="ana", write=True) as uow:
        uow.steps.add(new)
        uow.steps.set_mirror(new.id, MirrorState("failing", None, 1, "MLflow does not answer"), at=team.clock.now())
        uow.commit(Event("transfer.submitted", new.id))
    assert found(team.context("guest"), "mirror") == [
        Problem("warning", "mirror", f"{new.id} is not mirrored: MLflow does not answer")
    ]


def test_a_step_that_is_not_mirrored_long_after_its_end_is_a_warning(team: Team) -> None:
    new = step("vision/digits")
    with team.open_uow(actor="ana", write=True) as uow:
        uow.steps.add(replace(new, state=StepState.RUNNING))
        uow.steps.set_mirror(new.id, MirrorState("queued"), at=team.clock.now())
        running = frozenset({StepState.RUNNING})
        uow.steps.move(new.id, expected=running, to=StepState.SUCCEEDED, at=team.clock.now())
        uow.commit(Event("transfer.succeeded", new.id))
    assert found(team.context("guest"), "mirror") == []
    team.clock.forward(minutes=11)
    (problem,) = found(team.context("guest"), "mirror")
    assert problem.level == "warning"
    assert problem.message.startswith(f"{new.id} is not mirrored yet: the next step copies it too")


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o701])
def test_a_registry_folder_that_others_can_reach_is_a_warning(team: Team, mode: int) -> None:
    team.home.chmod(mode)
    levels = {problem.level: problem.message for problem in found(team.context("guest"), "home")}
    assert f"mode {mode:04o}" in levels["warning"]
    assert "chmod 700" in levels["warning"]
    team.home.chmod(0o700)
    assert [problem.level for problem in found(team.context("guest"), "home")] == ["ok"]


def test_what_is_due_and_not_done_is_a_warning(team: Team) -> None:
    promoted(team)
    assert found(team.context("guest"), "due") == []
    team.clock.forward(days=60)
    (problem,) = found(team.context("guest"), "due")
    assert problem.level == "warning"
    assert problem.message.startswith("1 thing was due and not done: run forebear serve")


def test_who_has_no_role_examines_nothing(team: Team) -> None:
    with pytest.raises(PermissionDeniedError):
        examine(replace(team.context("guest"), actor=Actor("eve", frozenset())))


def test_messages_that_were_given_up_and_a_mail_server_that_cannot_be_read_are_told(team: Team) -> None:
    with receiving(410) as receiver:
        made = verbs(team).add_webhook(receiver.url, ["webhook.added"])
        send(team)
    (stopped,) = found(team.context("guest"), "notifications")
    assert (stopped.level, made.webhook.id in stopped.message) == ("warning", True)
    assert receiver.url not in stopped.message
    verbs(team).remove_webhook(made.webhook.id)
    assert found(team.context("guest"), "notifications") == []
    (unread,) = found(context_of(team, "guest", smtp_url="mail.example.org"), "notifications")
    assert (unread.level, "FOREBEAR_SMTP_URL" in unread.message) == ("error", True)


def test_how_far_the_compiled_graph_goes_is_said_and_whether_it_is_that_of_the_table(
    team: Team, sqlite_database: Database
) -> None:
    [none] = found(team.context("guest"), "graph")
    assert (none.level, none.message) == ("ok", "No graph is compiled; the first question about an impact compiles it")
    with team.open_uow(actor="ana", write=True) as uow:
        add_version(uow, "vision/early")
        add_version(uow, "vision/early")
        uow.commit_unaudited()
    with team.open_uow(actor="root") as uow:
        held = len(uow.impact.graph())
    with team.open_uow(actor="ana", write=True) as uow:
        add_version(uow, "vision/late")
        uow.commit_unaudited()
    [right] = found(team.context("guest"), "graph")
    assert right.level == "ok"
    assert right.message.startswith(f"Compiled: {held:,} edges up to edge {held:,}, ")
    assert right.message.endswith("; 1 newer changes are read from the table")
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE edge SET to_node = to_node + 1 WHERE id = 1"))
    [wrong] = found(team.context("guest"), "graph")
    assert wrong.level == "error"
    assert "is not what the table of edges says" in wrong.message
