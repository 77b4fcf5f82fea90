"""What a program reads for its own step is written down by whoever gives it out, and counts for that person alone."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from registry.domain.names import AssetKind, Name, Reference
from registry.domain.people.people import Actor
from registry.errors import InvalidError
from registry.services.context import Context
from registry.services.transfers.readings import key_of, read_input, was_read

BERT = Reference(AssetKind.MODELS, Name("library", "bert"), 1)
ONE, TWO = "0" * 32, "1" * 32


def read(context: Context, start: int = 0, length: int | None = None, reading: str = ONE) -> bytes:
    with read_input(context, BERT, reading, start=start, length=length) as stream:
        return stream.read()


def counts(context: Context, reading: str = ONE) -> bool:
    with context.read() as uow:
        ref = uow.catalog.resolve(BERT)
        assert ref is not None
        return was_read(uow, key_of(context, reading), ref)


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "broken off reading":
            thread.join()


def test_a_version_counts_as_read_once_all_its_bytes_were_given_out(context: Context) -> None:
    whole = read(context, reading=TWO)
    assert counts(context, TWO)
    assert not counts(context)
    half = len(whole) // 2
    assert read(context, half) == whole[half:]
    assert not counts(context), "the end alone is not all"
    assert read(context, 0, half - 1) == whole[: half - 1]
    assert not counts(context), "one byte is missing"
    read(context, half - 1, 1)
    assert counts(context)


def test_a_reading_that_breaks_off_goes_on_where_it_was(context: Context) -> None:
    stream = read_input(context, BERT, ONE, start=0, length=None)
    come = len(stream.raw.read(5) or b"")  # type: ignore[attr-defined]
    stream.close()
    settle()
    assert not counts(context)
    read(context, come)
    assert counts(context)


def test_what_one_person_read_counts_for_nobody_else(context: Context) -> None:
    read(context)
    other = context.as_actor(replace(context.actor, handle="somebody"))
    assert isinstance(other.actor, Actor)
    assert counts(context)
    assert not counts(other)


def test_an_id_of_another_form_is_refused(context: Context) -> None:
    with pytest.raises(InvalidError, match="is not the id of a reading"):
        read(context, reading="x")
