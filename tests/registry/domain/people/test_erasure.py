"""What an erasure finds of a person in the values of entries and documents."""

from __future__ import annotations

from registry.domain.people.erasure import Erasure

ERASURE = Erasure("vera", "Vera Lund", "erased-1")


def test_whoever_disposed_of_the_task_of_a_recall_is_erased_from_its_entry() -> None:
    found = ERASURE.of({"task": "accept by vera, nobody until 2026-12-01", "stage": "vera"})
    assert found == {"task": "accept by erased-1, nobody until 2026-12-01", "stage": "vera"}
