"""Column types that read and write our values the same way on SQLite and PostgreSQL."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Double, Integer, LargeBinary, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from lineage import Digest

Key = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit surrogate key. SQLite calls only INTEGER its row id; it holds 64 bits there too."""
Word = String(96).with_variant(String(96, collation="C"), "postgresql")
"""A name to sort by: in the order of its bytes on both databases, whatever language PostgreSQL was set up in."""
Label = String().with_variant(String(collation="C"), "postgresql")
"""A URI or public id to look up by prefix, in the order of its bytes."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC. Naive values are refused: nobody knows which moment they mean.

    SQLite keeps text of one width, so that the order of the text is the order of time.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy passes it
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; times in Forebear are UTC")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy passes it
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class UtcText(TypeDecorator[str]):
    """A moment in UTC as its ISO 8601 text: for many rows, of which nobody computes with the moment.

    SQLite keeps such text, so that no date is made of it and text of that again.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=True) if dialect.name == "postgresql" else Text())

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], str | None]:  # noqa: ARG002 -- SQLAlchemy passes it
        return _text_of_date if dialect.name == "postgresql" else _text_of_text


def _text_of_date(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat()


def _text_of_text(value: str | None) -> str | None:
    return None if value is None else f"{value[:10]}T{value[11:].removesuffix('.000000')}+00:00"


class DigestBytes(TypeDecorator[Digest]):
    """A SHA-256 digest as its 32 bytes: half of what the hexadecimal form would take, in the row and in the index."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: Digest | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 -- SQLAlchemy passes it
        return None if value is None else bytes.fromhex(value.hex)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[bytes | None], Digest | None]:  # noqa: ARG002 -- SQLAlchemy passes it
        return _digest_of_bytes


def _digest_of_bytes(value: bytes | None) -> Digest | None:
    return None if value is None else Digest.raw(value)


class Real(TypeDecorator[float]):
    """A 64-bit float, where NULL stands for NaN.

    SQLite turns NaN into NULL and PostgreSQL sorts it above everything; as NULL it is unknown to both, and no
    comparison holds for it. A loss that diverged can thus be written down.
    """

    impl = Double()
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:  # noqa: ARG002 -- SQLAlchemy passes it
        return None if value is None or math.isnan(value) else float(value)

    def process_result_value(self, value: float | None, dialect: Dialect) -> float:  # noqa: ARG002 -- SQLAlchemy passes it
        return math.nan if value is None else value
