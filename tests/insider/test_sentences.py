"""Sentences of the documentation that promise something to everybody, and the tests that show each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOVERNANCE = "tests/registry/services/governance"
SHOWN = {
    "docs/concepts.md: is moved by nobody by hand": (
        "tests/registry/api/routes/test_catalog.py::test_a_protected_alias_does_not_move_by_hand",
        "tests/registry/services/catalog/test_verbs.py::test_a_protected_alias_moves_only_by_promotion",
    ),
    "docs/concepts.md: which gives it to the last clean version that was approved": (
        f"{GOVERNANCE}/recalls/test_opening.py::"
        "test_a_protected_alias_falls_back_to_the_last_clean_version_and_returns_with_a_reversal",
        f"{GOVERNANCE}/recalls/test_opening.py::test_a_protected_alias_does_not_fall_back_to_a_retired_version",
    ),
    "docs/concepts.md: While one of them differs, the vote is **stale** and does not count": (
        f"{GOVERNANCE}/test_insider_gates.py::test_a_vote_is_stale_once_an_ancestor_has_another_status",
        f"{GOVERNANCE}/test_insider_gates.py::test_a_vote_is_stale_once_an_ancestor_was_deleted",
        f"{GOVERNANCE}/test_insider_gates.py::test_a_vote_is_stale_once_another_version_is_in_production",
        f"{GOVERNANCE}/test_insider_gates.py::test_a_vote_stands_again_once_things_are_as_they_were",
    ),
    "docs/concepts.md: may not approve it, by any of their accounts": (
        "tests/insider/test_alias_people.py::test_two_accounts_of_one_person_are_one_voter_and_one_contributor",
    ),
    "docs/concepts.md: whoever made the version cannot write one": (
        "tests/insider/test_own_checks.py::test_who_made_a_version_does_not_validate_it_by_any_account",
    ),
    "docs/concepts.md: The status says what may be done with the version": (
        f"{GOVERNANCE}/test_statuses.py::test_a_stopped_dataset_is_neither_read_nor_trained_on",
        f"{GOVERNANCE}/test_statuses.py::test_archived_files_are_not_pulled_without_saying_so",
    ),
    "docs/policies.md: Nobody changes the policies alone": (
        f"{GOVERNANCE}/policies/test_proposing.py::"
        "test_a_policy_of_a_new_name_is_not_in_force_until_somebody_else_agrees",
        "tests/insider/test_alone.py::test_who_declares_all_accounts_to_be_one_person_is_not_alone_for_that",
    ),
    "docs/policies.md: A rejection stands": (
        f"{GOVERNANCE}/test_insider_rejections.py::test_a_rejection_outlives_a_request_that_was_withdrawn",
    ),
    "docs/policies.md: nobody votes, approves or reviews with that account": (
        "tests/insider/test_alone.py::test_nobody_votes_with_an_account_of_which_somebody_else_has_a_token",
    ),
}


@pytest.mark.parametrize("sentence", SHOWN)
def test_a_sentence_that_promises_something_is_shown_by_a_test(sentence: str) -> None:
    page, _, words = sentence.partition(": ")
    said = re.sub(r"\s+", " ", (ROOT / page).read_text(encoding="utf-8"))
    assert words in said, "the sentence has changed: look whether its tests still show it"
    for place in SHOWN[sentence]:
        path, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), place
