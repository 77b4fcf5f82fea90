"""A statement that is compiled once reads what SQLAlchemy reads, and is listened to as any other."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, event, func, insert, literal, select, type_coerce, update

from lineage import Digest, NodeKind
from registry.errors import ConflictError, CredentialError, InvalidError
from registry.storage.database import Database
from registry.storage.sql.among import among
from registry.storage.sql.engines import begin_reading, begin_writing
from registry.storage.sql.prebuilt import Prebuilt, inserting, inserting_for_key
from registry.storage.sql.types import UtcText
from registry.storage.tables import node

FIRST, SECOND = (datetime(2026, 1, 2, 3, 4, 5, part, tzinfo=UTC) for part in (0, 678))
DIGEST, OTHER = Digest.of(b"weights"), Digest.of(b"others")
CUT = 7
LAST = 3
"""The last key of the rows that are there."""


def statement() -> object:
    columns = (
        node.c.id,
        node.c.label,
        node.c.digest,
        node.c.created_at,
        literal(0.5),
        type_coerce("x", node.c.label.type),
    )
    found = select(*columns).where(among(node.c.id), node.c.kind == NodeKind.STEP, node.c.id < bindparam("below"))
    return found.order_by(node.c.id).limit(CUT)


@pytest.fixture(params=["sqlite", "postgres"])
def filled(request: pytest.FixtureRequest) -> Database:
    database: Database = request.getfixturevalue(f"{request.param}_database")
    connection = begin_writing(database.engine)
    rows = [
        {"id": key, "kind": NodeKind.STEP, "label": f"step-100%-{key}", "digest": digest, "created_at": at}
        for key, digest, at in ((1, DIGEST, FIRST), (2, OTHER, SECOND), (3, DIGEST, SECOND))
    ]
    connection.execute(insert(node), rows)
    connection.commit()
    connection.close()
    return database


def test_rows_are_those_that_the_statement_itself_gives(filled: Database) -> None:
    connection = begin_reading(filled.engine)
    prebuilt = Prebuilt(statement)
    for given in ({"keys": [1, 2, 3], "below": 3}, {"keys": [3], "below": 9}, {"keys": [], "below": 9}):
        wanted = connection.execute(statement(), given).all()  # type: ignore[call-overload]
        assert [tuple(row) for row in prebuilt.rows(connection, given)] == [tuple(row) for row in wanted]
    connection.close()


def test_a_moment_as_text_is_its_iso_form(filled: Database) -> None:
    connection = begin_reading(filled.engine)
    asked = Prebuilt(lambda: select(type_coerce(node.c.created_at, UtcText())).order_by(node.c.id).limit(2))
    assert [text for (text,) in asked.rows(connection, {})] == [FIRST.isoformat(), SECOND.isoformat()]
    connection.close()


def test_who_listens_sees_it_and_its_failures_are_ours(sqlite_database: Database) -> None:
    seen: list[str] = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    connection = begin_reading(sqlite_database.engine)
    named = Prebuilt(lambda: select(func.count()).select_from(node).where(node.c.label == bindparam("label")))
    assert [tuple(row) for row in named.rows(connection, {"label": "step-1"})] == [(0,)]
    assert "count(*)" in seen[-1]
    with pytest.raises(InvalidError):
        named.rows(connection, {"label": "\ud800"})
    connection.close()


def test_what_is_written_is_what_sqlalchemy_would_write(filled: Database) -> None:
    connection = begin_writing(filled.engine)
    columns = ("kind", "digest", "label", "created_at")
    row = {"kind": NodeKind.STEP, "digest": OTHER, "label": "step-4", "created_at": SECOND}
    more = [row | {"label": label, "digest": DIGEST} for label in ("step-5", "step-6")]
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT setval(pg_get_serial_sequence('node', 'id'), 3)")
    assert [tuple(one) for one in inserting_for_key(node, *columns).rows(connection, row)] == [(4,)]
    inserting(node, *columns).run_all(connection, more)
    inserting(node, *columns).run_all(connection, [])
    rename = Prebuilt(lambda: update(node).where(node.c.label == bindparam("of")), ("label",))
    assert [rename.run(connection, {"of": of, "label": "step-7"}) for of in ("step-5", "step-5")] == [1, 0]
    found = connection.execute(select(node).where(node.c.id > LAST).order_by(node.c.id)).all()
    assert [tuple(one) for one in found] == [
        (4, NodeKind.STEP, OTHER, "step-4", SECOND),
        (5, NodeKind.STEP, DIGEST, "step-7", SECOND),
        (6, NodeKind.STEP, DIGEST, "step-6", SECOND),
    ]
    with pytest.raises(ConflictError):
        rename.run(connection, {"of": "step-6", "label": "step-7"})
    connection.close()


def test_a_credential_is_refused_there_too(filled: Database) -> None:
    connection = begin_writing(filled.engine)
    rows = [
        {"kind": NodeKind.STEP, "digest": OTHER, "label": label, "created_at": SECOND}
        for label in ("step-7", "AKIA" + "IOSFODNN7EXAMPL3")
    ]
    with pytest.raises(CredentialError):
        inserting(node, "kind", "digest", "label", "created_at").run_all(connection, rows)
    connection.close()
