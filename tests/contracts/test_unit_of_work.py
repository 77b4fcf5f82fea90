"""What every unit of work promises: all or nothing, one writer, and an audit chain without gaps."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from registry.domain.audit import AuditEntry, Event, verify_chain
from registry.domain.names import AssetKind, Name
from registry.domain.paging import PageRequest
from registry.errors import ConflictError, InvalidError, RegistryError
from registry.services.storage.catalog import NewVersion
from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_model, add_version, describing, digest, event, manifest
from tests.fakes.clock import FakeClock

DIGITS = Name.parse("vision/digits")


def test_leaving_without_commit_changes_nothing(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/digits")
    with open_uow(actor="ana") as uow:
        assert uow.catalog.model(DIGITS) is None
        assert list(uow.audit.entries()) == []


def test_an_error_inside_changes_nothing(open_uow: Factory) -> None:
    def fail() -> None:
        with open_uow(actor="ana", write=True) as uow:
            add_model(uow, "vision/digits")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with open_uow(actor="ana") as uow:
        assert uow.catalog.model(DIGITS) is None


def test_a_change_and_its_entry_are_written_together(open_uow: Factory, clock: FakeClock) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/digits")
        uow.commit(event("models:/vision/digits", "model.registered", owner="ana"), event("models:/vision/digits"))
    with open_uow(actor="ana") as uow:
        assert uow.catalog.model(DIGITS) is not None
        newest, oldest = uow.audit.search(subject=None, action=None, page=PageRequest()).items
    assert (oldest.seq, oldest.actor, oldest.action, oldest.at) == (1, "ana", "model.registered", clock.now())
    assert (newest.seq, oldest.detail) == (2, {"owner": "ana"})


def test_an_event_that_cannot_be_written_down_takes_its_change_with_it(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/digits")
        with pytest.raises(InvalidError):
            uow.commit(event(score=float("nan")))
    with open_uow(actor="ana") as uow:
        assert uow.catalog.model(DIGITS) is None


def test_bookkeeping_leaves_no_entry(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/digits")
        uow.commit_unaudited()
    with open_uow(actor="ana") as uow:
        assert uow.catalog.model(DIGITS) is not None
        assert list(uow.audit.entries()) == []


def test_a_unit_of_work_for_reading_writes_nothing(open_uow: Factory) -> None:
    with open_uow(actor="ana") as uow, pytest.raises((RuntimeError, DBAPIError, RegistryError)):
        add_model(uow, "vision/digits")
    with open_uow(actor="ana") as uow, pytest.raises(RuntimeError, match="write=True"):
        uow.commit(event())


def test_after_a_commit_the_unit_of_work_cannot_be_used(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        uow.commit(event())
        with pytest.raises(Exception, match="closed"):
            uow.catalog.model(DIGITS)


def test_a_unit_of_work_is_entered_once(open_uow: Factory) -> None:
    with open_uow(actor="ana") as uow, pytest.raises(RuntimeError, match="once"):
        uow.__enter__()


def test_a_reader_sees_one_moment_while_others_write(open_uow: Factory) -> None:
    with open_uow(actor="bo") as reader:
        assert reader.catalog.model(DIGITS) is None
        with open_uow(actor="ana", write=True) as writer:
            add_model(writer, "vision/digits")
            writer.commit(event())
        assert reader.catalog.model(DIGITS) is None
    with open_uow(actor="bo") as reader:
        assert reader.catalog.model(DIGITS) is not None


def test_readers_do_not_wait_for_a_writer(open_uow: Factory) -> None:
    with ExitStack() as stack:
        writer = stack.enter_context(open_uow(actor="ana", write=True))
        add_model(writer, "vision/digits")
        readers = [stack.enter_context(open_uow(actor="bo")) for _ in range(40)]
        assert [reader.catalog.model(DIGITS) for reader in readers] == [None] * 40
        writer.commit(event())


def test_two_writers_never_give_the_same_number(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_model(uow, "vision/digits")
        uow.commit(event())
    barrier = threading.Barrier(8)

    def publish(writer: int) -> list[int]:
        numbers = []
        barrier.wait()
        for turn in range(4):
            with open_uow(actor=f"w{writer}", write=True) as uow:
                ref = add_version(uow, "vision/digits", content=f"{writer} {turn}")
                uow.commit(event(str(ref), "version.published"))
            numbers.append(ref.number)
        return numbers

    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(number for made in pool.map(publish, range(8)) for number in made)
    assert numbers == list(range(1, 33))
    with open_uow(actor="ana") as uow:
        report = verify_chain(uow.audit.entries())
    assert report.intact
    assert report.entries == 33


def test_a_number_that_is_used_is_refused(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        ref = add_version(uow, "vision/digits")
        detail = uow.catalog.version(ref)
        assert detail is not None
        again = NewVersion(ref, manifest("other"), "resnet-18", "MIT", "registered", detail.step, NOW, "bo")
        with pytest.raises(ConflictError, match="vision/digits/1"):
            uow.catalog.add_version(again)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entry SET subject = 'x'",
        "DELETE FROM audit_entry",
        "UPDATE audit_index SET actor = 'x'",
        "DELETE FROM audit_index",
        "INSERT INTO audit_index SELECT * FROM audit_index WHERE true ON CONFLICT (seq) DO UPDATE SET actor = 'x'",
    ],
)
def test_the_database_itself_refuses_to_change_the_audit(database: Database, open_uow: Factory, change: str) -> None:
    with open_uow(actor="ana", write=True) as uow:
        uow.commit(event())
    with (
        pytest.raises((DBAPIError, RegistryError), match=r"never changed|only appended"),
        database.engine.begin() as connection,
    ):
        connection.execute(text(change))
    with open_uow(actor="ana") as uow:
        assert verify_chain(uow.audit.entries()).entries == 1


def test_entries_can_be_read_from_any_position_on(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        uow.commit(event(), *(event(f"models:/vision/m{i}") for i in range(1500)))
    with open_uow(actor="ana") as uow:
        assert [entry.seq for entry in uow.audit.entries(after=1490)] == list(range(1491, 1502))
        assert verify_chain(uow.audit.entries()).entries == 1501


def test_history_is_found_by_subject_and_what_is_under_it_and_by_action(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        uow.commit(
            event("models:/vision/a", "model.registered"),
            event("models:/vision/a/1", "version.published"),
            event("models:/vision/ab", "model.registered"),
            event("models:/vision_x", "model.registered"),
        )
    with open_uow(actor="ana") as uow:

        def found(subject: str | None, action: str | None = None) -> list[int]:
            return [e.seq for e in uow.audit.search(subject=subject, action=action, page=PageRequest()).items]

        assert found("models:/vision/a") == [1]
        assert found("models:/vision/a/*") == [2, 1]
        assert found("models:/vision/*") == [3, 2, 1]
        assert found("models:/visio%/*") == []
        assert found(None, "model.registered") == [4, 3, 1]
        assert found("%", None) == []


def test_history_is_found_by_person_and_time(open_uow: Factory, clock: FakeClock) -> None:
    moments = []
    for actor, subject in (("ana", "a"), ("ben", "b"), ("ana", "c")):
        moments.append(clock.now())
        with open_uow(actor=actor, write=True) as uow:
            uow.commit(event(f"models:/vision/{subject}", "model.registered"))
        clock.forward(hours=1)
    with open_uow(actor="ana") as uow:
        search = partial(uow.audit.search, page=PageRequest())
        assert [one.seq for one in search(actor="ana").items] == [3, 1]
        assert [one.seq for one in search(since=moments[1]).items] == [3, 2]
        assert [one.seq for one in search(since=moments[1], until=moments[2]).items] == [2]
        assert [one.seq for one in search(actor="ana", subject="models:/vision/a").items] == [1]
        first = uow.audit.search(actor="ana", page=PageRequest(1))
        assert [one.seq for one in uow.audit.search(actor="ana", page=PageRequest(1, first.next_cursor)).items] == [1]


@pytest.mark.parametrize("field", ["body", "previous", "leaf", "entry", "seq"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_changed_row_of_the_chain_is_found_at_that_row(open_uow: Factory, field: str, place: int) -> None:
    with open_uow(actor="ana", write=True) as uow:
        uow.commit(event(), event(), event())
    with open_uow(actor="ana") as uow:
        entries = list(uow.audit.entries())
    forged: dict[str, object] = {
        "body": entries[place].body + b" ",
        "previous": digest("x"),
        "leaf": digest("x"),
        "entry": digest("x"),
        "seq": len(entries) + 7,
    }
    bad: list[AuditEntry] = list(entries)
    bad[place] = replace(entries[place], **{field: forged[field]})  # type: ignore[arg-type]
    report = verify_chain(bad)
    assert not report.intact
    assert report.first_bad == place + 1


def test_of_one_subject_the_first_entry_and_those_of_some_actions_are_read(open_uow: Factory) -> None:
    events = [Event(f"card.{word}", "models:/a/b/1", {"n": n}) for n, word in enumerate("abcbc")]
    with open_uow(actor="ana", write=True) as uow:
        uow.commit(Event("card.b", "models:/a/b/10"), *events)
    with open_uow(actor="ana") as uow:
        found = uow.audit.about("models:/a/b/1", {"card.b"})
        assert [(one.action, one.detail) for one in found] == [
            ("card.a", {"n": 0}),
            ("card.b", {"n": 1}),
            ("card.b", {"n": 3}),
        ]
        assert uow.audit.about("models:/a/c/1", {"card.b"}) == []


def test_a_deleted_name_is_never_used_again(open_uow: Factory) -> None:
    with open_uow(actor="ana", write=True) as uow:
        add_version(uow, "vision/old-digits")
        uow.catalog.delete_model(Name.parse("vision/old-digits"), at=NOW)
        assert uow.catalog.model(Name.parse("vision/old-digits")) is None
        assert uow.catalog.is_taken(AssetKind.MODELS, Name.parse("vision/old_digits"))
        with pytest.raises(ConflictError, match="taken"):
            uow.catalog.add_model(Name.parse("vision/old_digits"), describing(), owner="bo", at=NOW)
        assert not uow.catalog.is_taken(AssetKind.DATASETS, Name.parse("vision/old_digits"))
