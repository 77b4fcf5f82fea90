"""Text within text, byte for byte: what `LIKE '%text%'` finds, in two thirds of the time, and with no case to fold."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, ColumnElement, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class _Within(GenericFunction[bool]):
    type = Boolean()
    name = "forebear_within"
    inherit_cache = True

    def self_group(self, against: object = None) -> _Within:  # noqa: ARG002 -- SQLAlchemy passes it
        """As it is: SQLAlchemy would compare it with 1."""
        return self


def within(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """True where `column` has `text` somewhere."""
    return _Within(column, literal(text))


@compiles(_Within)
def _on_sqlite(element: _Within, compiler: Any, **given: Any) -> str:
    column, text = (compiler.process(part, **given) for part in element.clauses)
    return f"(instr({column}, {text}) > 0)"


@compiles(_Within, "postgresql")
def _on_postgresql(element: _Within, compiler: Any, **given: Any) -> str:
    column, text = (compiler.process(part, **given) for part in element.clauses)
    return f"(strpos({column}, {text}) > 0)"
