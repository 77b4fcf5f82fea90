"""What is kept of the rows of data, and how it is found, on both databases."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Engine, event

from lineage import Digest
from registry.domain.catalog.marks import SetMark
from registry.domain.names import VersionRef
from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_dataset_version
from tests.contracts.test_plans import scanned

FEW, MANY = list(range(-3, 5)), list(range(-40_000, 40_000, 16))


def two(open_uow: Factory) -> tuple[VersionRef, VersionRef]:
    with open_uow(actor="ana", write=True) as uow:
        refs = add_dataset_version(uow, "text/one"), add_dataset_version(uow, "text/other")
        uow.commit_unaudited()
    return refs


def test_new_data_is_due_for_a_sample_and_marked_data_for_all_of_its_rows(open_uow: Factory) -> None:
    one, other = two(open_uow)
    with open_uow(actor="ana", write=True) as uow:
        before = uow.data_rows.state()
        assert [(due.ref, due.whole) for _, due in uow.data_rows.unread(whole=False, limit=9)] == [
            (one, False),
            (other, False),
        ]
        uow.graph.add_mark(SetMark(other, "risk:high", "why", "ana", NOW))
        assert uow.data_rows.state() == (before[0] + 1, before[1])
        ((key, due),) = uow.data_rows.unread(whole=True, limit=9)
        assert (due.ref, due.whole, due.index) == (other, True, uow.data_rows.known([key])[key].index)
        uow.data_rows.was_read(other, 8, whole=False)
        assert uow.data_rows.unread(whole=True, limit=9), "a sample is not all of it"
        uow.data_rows.was_read(other, 8, whole=True)
        assert not uow.data_rows.unread(whole=True, limit=9)
        uow.graph.remove_mark(other, "risk:high")
        uow.graph.add_mark(SetMark(other, "risk:low", "why", "ana", NOW))
        assert uow.data_rows.state() == (before[0] + 3, before[1])
        assert not uow.data_rows.unread(whole=True, limit=9), "its rows are kept"
        assert [due.ref for _, due in uow.data_rows.unread(whole=False, limit=9)] == [one]
        known = uow.data_rows.known([key])[key]
        assert (known.marks, known.different, known.created_by) == (("risk:low",), 8, "ana")


def test_rows_are_counted_by_data_in_each_part_of_the_index(open_uow: Factory) -> None:
    one, other = two(open_uow)
    with open_uow(actor="ana", write=True) as uow:
        keys = {str(ref): node.id for ref in (one, other) if (node := uow.graph.node(str(ref)))}
        uow.data_rows.keep(one, FEW, whole=False)
        for _ in range(2):  # again: nothing comes twice
            uow.data_rows.keep(one, FEW, whole=True)
        uow.data_rows.keep(other, MANY, whole=True)
        assert uow.data_rows.with_rows([-3, 4, 5], whole=False) == {keys[str(one)]: 2}
        everything = uow.data_rows.with_rows([*FEW, *MANY, 2**63 - 1, -(2**63)], whole=True)
        assert everything == {keys[str(one)]: len(FEW), keys[str(other)]: len(MANY)}
        assert uow.data_rows.with_rows([], whole=True) == {}


def test_data_are_found_by_their_files(open_uow: Factory) -> None:
    one, _ = two(open_uow)
    with open_uow(actor="ana") as uow:
        node, detail = uow.graph.node(str(one)), uow.datasets.version(one)
        assert node is not None
        assert detail is not None
        digests = {file.sha256 for file in detail.files}
        assert node.id in uow.data_rows.with_files(digests)
        assert uow.data_rows.known([node.id])[node.id].files == {file.sha256: file.size for file in detail.files}
        assert not uow.data_rows.with_files({Digest.of(b"nobody has it")})
        assert not uow.data_rows.known([])


def test_none_of_it_reads_a_whole_table(open_uow: Factory, database: Database) -> None:
    one, _ = two(open_uow)
    asked: dict[str, Any] = {}

    def collect(_connection: object, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        if not many and re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)", statement):
            asked.setdefault(statement, given)

    event.listen(Engine, "before_cursor_execute", collect)
    try:
        with open_uow(actor="ana", write=True) as uow:
            uow.graph.add_mark(SetMark(one, "risk:high", "why", "ana", NOW))
            uow.data_rows.keep(one, FEW, whole=True)
            uow.data_rows.was_read(one, len(FEW), whole=True)
            (key,) = uow.data_rows.with_rows(FEW, whole=True)
            uow.data_rows.with_files({Digest.of(b"any")})
            uow.data_rows.known([key])
            uow.data_rows.unread(whole=True, limit=9)
            uow.data_rows.unread(whole=False, limit=9)
            uow.data_rows.state()
            uow.graph.remove_mark(one, "risk:high")
            uow.commit_unaudited()
    finally:
        event.remove(Engine, "before_cursor_execute", collect)
    assert len(asked) > 10
    with database.engine.connect() as connection:
        scans = {text: found for text, given in asked.items() if (found := scanned(connection, text, given))}
    assert scans == {}
