"""The audit chain: every way of tampering with a row is found at that row; a new tail only against a kept head."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import Digest
from registry.domain.audit import (
    GENESIS,
    AuditEntry,
    Event,
    Head,
    HeadRecord,
    Span,
    chain_hash,
    leaf_hash,
    verify_chain,
    write_entry,
)

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def chain(length: int = 6, *, note: str = "") -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    head = GENESIS
    for seq in range(1, length + 1):
        event = Event("card.revised", f"models:/vision/digits/{seq}", {"note": note})
        entries.append(write_entry(seq, head, event, actor="ana", at=NOW + timedelta(minutes=seq), salt=""))
        head = entries[-1].entry
    return entries


def change_byte(entries: list[AuditEntry]) -> list[AuditEntry]:
    entries[2] = replace(entries[2], body=entries[2].body.replace(b"ana", b"eve"))
    return entries


def change_body_and_leaf(entries: list[AuditEntry]) -> list[AuditEntry]:
    body = entries[2].body.replace(b"ana", b"eve")
    entries[2] = replace(entries[2], body=body, leaf=leaf_hash(body))
    return entries


def change_row_whole(entries: list[AuditEntry]) -> list[AuditEntry]:
    body = entries[2].body.replace(b"ana", b"eve")
    leaf = leaf_hash(body)
    entries[2] = replace(entries[2], body=body, leaf=leaf, entry=chain_hash(entries[2].previous, leaf))
    return entries


def delete_middle(entries: list[AuditEntry]) -> list[AuditEntry]:
    return entries[:2] + entries[3:]


def delete_middle_and_renumber(entries: list[AuditEntry]) -> list[AuditEntry]:
    return entries[:2] + [replace(entry, seq=entry.seq - 1) for entry in entries[3:]]


def delete_first(entries: list[AuditEntry]) -> list[AuditEntry]:
    return entries[1:]


def insert(entries: list[AuditEntry]) -> list[AuditEntry]:
    extra = write_entry(3, entries[1].entry, Event("person.added", "person:eve"), actor="eve", at=NOW, salt="")
    return entries[:2] + [extra] + [replace(entry, seq=entry.seq + 1) for entry in entries[2:]]


def swap(entries: list[AuditEntry]) -> list[AuditEntry]:
    entries[2], entries[3] = replace(entries[3], seq=3), replace(entries[2], seq=4)
    return entries


@pytest.mark.parametrize(
    ("tamper", "seq"),
    [
        (change_byte, 3),
        (change_body_and_leaf, 3),
        (change_row_whole, 4),
        (delete_middle, 3),
        (delete_middle_and_renumber, 3),
        (delete_first, 1),
        (insert, 4),
        (swap, 3),
    ],
)
def test_a_changed_entry_of_the_log_is_found_at_its_row(
    tamper: Callable[[list[AuditEntry]], list[AuditEntry]], seq: int
) -> None:
    report = verify_chain(tamper(chain()))
    assert not report.intact
    assert report.first_bad == seq
    assert str(seq) in (report.reason or "")
    assert report.entries == seq - 1


def test_an_untouched_chain_holds_and_tells_its_head() -> None:
    entries = chain()
    report = verify_chain(entries)
    assert report.intact
    assert (report.entries, report.head) == (6, entries[-1].entry)


def test_an_empty_chain_holds() -> None:
    assert verify_chain([]).head == GENESIS


def rewrite_after(entries: list[AuditEntry], kept: int) -> list[AuditEntry]:
    """Replace the end of the chain by one that fits: what somebody with the database in hand can do."""
    forged = entries[:kept]
    for seq in range(kept + 1, len(entries) + 1):
        event = Event("card.revised", "models:/vision/digits/1", {"note": "forged"})
        forged.append(write_entry(seq, forged[-1].entry, event, actor="eve", at=NOW, salt=""))
    return forged


@pytest.mark.parametrize("kind", ["re-hashed suffix", "cut tail"])
def test_a_new_or_missing_tail_is_seen_only_against_a_head_kept_elsewhere(kind: str) -> None:
    entries = chain()
    kept = verify_chain(entries).head
    forged = entries[:3] if kind == "cut tail" else rewrite_after(entries, 3)
    report = verify_chain(forged)
    assert report.intact, "the chain alone cannot tell"
    assert report.head != kept


def record(entries: list[AuditEntry], *gaps: Span) -> HeadRecord:
    return HeadRecord(Head(entries[-1].seq, entries[-1].entry), gaps)


def test_against_a_record_kept_elsewhere_a_cut_tail_is_found() -> None:
    entries = chain()
    report = verify_chain(entries[:3], record(entries))
    assert (report.first_bad, report.entries) == (4, 3)
    assert report.reason == "Entries 4 to 6 are missing: the registry folder recorded entry 6"


def test_against_a_record_kept_elsewhere_a_rewritten_log_is_found() -> None:
    entries = chain()
    report = verify_chain(rewrite_after(entries, 1), record(entries))
    assert report.reason == "Entry 6 is not the one that the registry folder recorded: the log was rewritten"


def test_entries_that_the_record_does_not_know_are_named() -> None:
    entries = chain()
    report = verify_chain(entries, record(entries[:4], Span(2, 2)))
    assert report.intact
    assert [warning.split(" not recorded")[0] for warning in report.warnings] == ["Entry 2 is", "Entries 5 to 6 are"]


def head(seq: int) -> Head:
    return Head(seq, GENESIS if seq == 0 else Digest.of(str(seq).encode()))


def test_law_records_of_concurrent_commits_leave_no_gap_in_whatever_order_they_are_kept() -> None:
    commits = [(head(1), head(2)), (head(2), head(4)), (head(4), head(5)), (head(5), head(6))]
    for order in permutations(commits):
        kept = HeadRecord(head(1))
        for before, after in order:
            kept = kept.advanced(before, after)
        assert kept == HeadRecord(head(6)), order


def test_a_commit_that_was_never_recorded_stays_a_gap() -> None:
    kept = HeadRecord(head(1)).advanced(head(1), head(2)).advanced(head(4), head(5))
    assert kept == HeadRecord(head(5), (Span(3, 4),))


def test_a_record_that_the_log_contradicts_stays_until_an_admin_acts() -> None:
    kept = HeadRecord(head(10))
    forged = Head(10, GENESIS)
    assert kept.advanced(head(5), head(6)) == kept
    assert kept.advanced(forged, head(11)) == kept


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"text",
        b"{}",
        b"[" * 100_000,
        b'{"action":"a","actor":1,"at":"2026-11-23T09:30:00+00:00","detail":{},"seq":7,"subject":"s","v":1}',
        b'{"action":"a","actor":"b","at":"2026-11-23T09:30:00","detail":{},"seq":7,"subject":"s","v":1}',
        b'{"action":"a","actor":"b","at":"2026-11-23T09:30:00+00:00","detail":{},"seq":true,"subject":"s","v":1}',
        b'{"action":"a","actor":"b","at":"2026-11-23T09:30:00+00:00","detail":{},"more":1,"seq":7,"subject":"s","v":1}',
    ],
)
def test_an_appended_row_whose_body_is_no_entry_is_found_although_its_hashes_fit(body: bytes) -> None:
    entries = chain()
    leaf = leaf_hash(body)
    entries.append(AuditEntry(7, body, entries[-1].entry, leaf, chain_hash(entries[-1].entry, leaf)))
    assert verify_chain(entries).reason == "The body of entry 7 is not what Forebear writes"


def test_a_log_entry_whose_body_has_another_number_is_found() -> None:
    entries = chain()
    forged = write_entry(70, entries[-1].entry, Event("person.added", "person:eve"), actor="eve", at=NOW, salt="")
    entries.append(replace(forged, seq=7))
    assert verify_chain(entries).reason == "The body of entry 7 says that it is entry 70"


@given(row=st.integers(0, 5), data=st.data())
def test_law_flipping_any_bit_of_any_body_is_found_at_that_row(row: int, data: st.DataObject) -> None:
    entries = chain()
    body = bytearray(entries[row].body)
    bit = data.draw(st.integers(0, len(body) * 8 - 1))
    body[bit // 8] ^= 1 << (bit % 8)
    entries[row] = replace(entries[row], body=bytes(body))
    assert verify_chain(entries).first_bad == row + 1


def test_a_leaf_hash_is_that_of_rfc_6962() -> None:
    # RFC 6962 section 2.1: the leaf of the empty string.
    assert leaf_hash(b"").hex == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
