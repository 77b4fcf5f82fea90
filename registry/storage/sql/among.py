"""Rows by many keys at once: one statement of one text, however many keys there are, on both databases.

An `IN` with a parameter for each key is written and parsed anew for every number of keys, and has a limit. Here all
keys are one parameter: an array on PostgreSQL, JSON on SQLite.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ARRAY, BigInteger, BindParameter, Boolean, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Keys(TypeDecorator[Collection[int]]):
    """A parameter that holds many 64-bit keys."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(BigInteger()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Collection[int] | None, dialect: Dialect) -> object:
        keys = list(value or ())
        return keys if dialect.name == "postgresql" else json.dumps(keys)


class _Texts(TypeDecorator[Collection[str]]):
    """A parameter that holds many texts."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> object:
        texts = list(value or ())
        return texts if dialect.name == "postgresql" else json.dumps(texts)


class _Among(GenericFunction[bool]):
    type = Boolean()
    name = "forebear_among"
    inherit_cache = True

    def self_group(self, against: object = None) -> _Among:  # noqa: ARG002 -- SQLAlchemy passes it
        """As it is: SQLAlchemy would compare it with 1, for which SQLite uses no index."""
        return self


def among(column: ColumnElement[int], parameter: str = "keys") -> ColumnElement[bool]:
    """True where `column` is one of the keys that are given under the name `parameter` when the statement runs."""
    return _Among(column, bindparam(parameter, type_=_Keys()))


def many_keys(parameter: str) -> BindParameter[Any]:
    """The parameter itself, for a statement that is written out: JSON on SQLite, an array on PostgreSQL."""
    return bindparam(parameter, type_=_Keys())


def among_texts(column: ColumnElement[str], parameter: str) -> ColumnElement[bool]:
    """As `among`, for a column of text."""
    return _Among(column, bindparam(parameter, type_=_Texts()))


@compiles(_Among)
def _as_json(element: _Among, compiler: Any, **given: Any) -> str:
    column, keys = (compiler.process(part, **given) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({keys}))"  # noqa: S608 - both are SQLAlchemy's own text


@compiles(_Among, "postgresql")
def _as_array(element: _Among, compiler: Any, **given: Any) -> str:
    column, keys = (compiler.process(part, **given) for part in element.clauses)
    return f"{column} = ANY ({keys})"
