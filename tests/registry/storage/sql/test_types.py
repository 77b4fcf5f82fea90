"""Column types: what goes in comes out, and what cannot be meant is refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import StatementError

from lineage import Digest
from registry.storage.sql.types import DigestBytes, Real, UtcDateTime

SAMPLE = Table(
    "sample",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("moment", UtcDateTime),
    Column("digest", DigestBytes),
    Column("real", Real),
)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    SAMPLE.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def through(connection: Connection, **values: object) -> object:
    """What comes back of one value."""
    column = SAMPLE.c[next(iter(values))]
    connection.execute(SAMPLE.delete())
    connection.execute(insert(SAMPLE).values(**values))
    return connection.execute(select(column)).scalar_one()


zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=zones)


@given(moment=moments)
def test_a_moment_comes_back_as_the_same_moment_in_utc(connection: Connection, moment: datetime) -> None:
    found = through(connection, moment=moment)
    assert found == moment
    assert isinstance(found, datetime)
    assert found.tzinfo is UTC


@given(one=moments, two=moments)
def test_the_database_compares_times_in_their_order(connection: Connection, one: datetime, two: datetime) -> None:
    through(connection, moment=one)
    earlier = connection.execute(select(SAMPLE.c.moment < two)).scalar_one()
    assert bool(earlier) == (one < two)


def test_a_moment_without_a_time_zone_is_refused(connection: Connection) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        through(connection, moment=datetime(2026, 11, 23))


@given(data=st.binary())
def test_a_digest_comes_back(connection: Connection, data: bytes) -> None:
    assert through(connection, digest=Digest.of(data)) == Digest.of(data)


@given(value=st.floats())
def test_any_float_comes_back_exactly(connection: Connection, value: float) -> None:
    found = through(connection, real=value)
    assert isinstance(found, float)
    assert found == value or (math.isnan(found) and math.isnan(value))
