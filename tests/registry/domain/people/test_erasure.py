"""What an erasure finds of a person in the values of entries and documents."""

from __future__ import annotations

from registry.domain.people.erasure import Erasure

ERASURE = Erasure("vera", "Vera Lund", "erased-1")


def test_a_handle_that_is_an_ordinary_word_is_erased_only_where_handles_stand() -> None:
    erasure = Erasure("pass", "", "erased-0")
    kept = {
        "evidence": [{"type": "validation", "body": {"result": "pass", "pooling": "pass"}}],
        "tags": {"pass": "pass"},
        "pass": ["pass"],
    }
    assert erasure.of(kept) == kept
    assert erasure.of("pass", "state") == "pass"
    found = erasure.of(
        {
            "added_by": "pass",
            "votes": [{"voter": "pass", "value": "pass", "comment": "pass"}],
            "contributors": {"uploader": ["ana", "pass"]},
            "signed": {"pass": ["pass"]},
            "people": {"pass": {"roles": ["pass"], "identity": "pass"}},
            "owners": ["pass"],
            "body": {"result": "pass", "reviewer": "pass"},
        }
    )
    assert found == {
        "added_by": "erased-0",
        "votes": [{"voter": "erased-0", "value": "pass", "comment": "erased-0"}],
        "contributors": {"uploader": ["ana", "erased-0"]},
        "signed": {"pass": ["erased-0"]},
        "people": {"erased-0": {"roles": ["pass"], "identity": "erased-0"}},
        "owners": ["erased-0"],
        "body": {"result": "pass", "reviewer": "erased-0"},
    }
    assert erasure.of("erased by pass, who agrees") == "erased by erased-0, who agrees"


def test_whoever_disposed_of_the_task_of_a_recall_is_erased_from_its_entry() -> None:
    found = ERASURE.of({"task": "accept by vera, nobody until 2026-12-01", "stage": "vera"})
    assert found == {"task": "accept by erased-1, nobody until 2026-12-01", "stage": "vera"}
