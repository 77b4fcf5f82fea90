"""Which arms can be compared: not one that is broken in evaluation mode, and not one that has learnt nothing."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import pytest

from registry.domain.comparison.answers import ArmAnswers, Arms, TestRows
from registry.domain.comparison.scoring import verdict_on
from registry.domain.comparison.validity import CHECK, same_answer, with_faults
from registry.domain.comparison.verdict import ArmKind, Outcome, TransferVerdict
from registry.domain.data.datasets import LabelKind
from tests.builders import digest

TRANSFER, SCRATCH, PROBE = ArmKind.TRANSFER, ArmKind.SCRATCH, ArmKind.PROBE
PETS = tuple(islice(cycle(["cat", "cat", "dog"]), 60))
LEARNT = {"metric": "accuracy", "evaluation": 0.9, "training": 0.9, "learnt": True, "agrees": True}
NOT_LEARNT = LEARNT | {"evaluation": 0.6, "training": 0.6, "learnt": False}
BROKEN = NOT_LEARNT | {"training": 0.9, "agrees": False}
SAME = "it gives every row the same answer, and has learnt nothing from its training rows"


def rows(kind: LabelKind, truth: tuple[str, ...]) -> TestRows:
    return TestRows(digest("data"), "test", kind, tuple(range(len(truth))), truth)


def compared(**arms: tuple[object, dict[str, Any]]) -> TransferVerdict:
    """The verdict on arms by name: the answer to every row (None: all are right), and what was found in training."""
    answered = [
        ArmAnswers(
            ArmKind(name),
            seed,
            PETS if answer is None else (answer,) * len(PETS),
            {CHECK: {"train": check}} if check else {},
        )
        for name, (answer, check) in arms.items()
        for seed in (0, 1, 2)
    ]
    return verdict_on(with_faults(Arms("step-1", rows(LabelKind.CLASS, PETS), ("accuracy",), 0.01, tuple(answered))))


def test_a_from_scratch_baseline_with_one_answer_for_all_rows_gives_no_verdict_and_says_why() -> None:
    found = compared(transfer=(None, LEARNT), scratch=("cat", NOT_LEARNT))
    assert found.outcome is Outcome.NO_VERDICT
    assert found.sentence == f"No verdict: the from-scratch baseline is invalid: {SAME}"
    assert found.invalid == {SCRATCH: SAME}


def test_equal_answers_are_enough_for_an_adapter_without_checks() -> None:
    assert compared(transfer=(None, {}), scratch=("cat", {})).outcome is Outcome.NO_VERDICT


def test_one_answer_is_honest_where_the_model_has_learnt_how_rare_the_other_class_is() -> None:
    assert compared(transfer=(None, LEARNT), scratch=("cat", LEARNT)).outcome is Outcome.POSITIVE


def test_where_no_arm_gives_a_second_answer_nothing_is_invalid_and_nothing_shown() -> None:
    found = compared(transfer=("cat", NOT_LEARNT), scratch=("cat", NOT_LEARNT), probe=("cat", NOT_LEARNT))
    assert (found.outcome, dict(found.invalid)) == (Outcome.INCONCLUSIVE, {})


def test_a_model_that_gives_one_answer_and_is_worse_than_from_scratch_is_negative() -> None:
    found = compared(transfer=("cat", NOT_LEARNT), scratch=(None, LEARNT), probe=("cat", NOT_LEARNT))
    assert found.outcome is Outcome.NEGATIVE


def test_a_transfer_with_one_answer_is_never_positive() -> None:
    found = compared(transfer=("cat", NOT_LEARNT), scratch=("bird", LEARNT))
    assert found.outcome is Outcome.NO_VERDICT
    assert found.reasons == (f"the transfer cannot be called positive: {SAME}",)


@pytest.mark.parametrize("broken", ["transfer", "scratch", "probe"])
def test_an_arm_whose_two_modes_disagree_is_invalid_whatever_it_answers(broken: str) -> None:
    arms: dict[str, tuple[object, dict[str, Any]]] = {
        "transfer": (None, LEARNT),
        "scratch": ("cat", LEARNT),
        "probe": (None, LEARNT),
    }
    found = compared(**arms | {broken: (arms[broken][0], BROKEN)})
    assert found.outcome is Outcome.NO_VERDICT
    assert found.reasons[0].endswith(
        "is invalid: on its training rows the accuracy is 0.600 in evaluation mode and 0.900 in training mode"
    )


def test_one_seed_that_learnt_nothing_is_named_and_makes_its_arm_invalid() -> None:
    answered = [
        ArmAnswers(arm, seed, ("dog",) * 60 if (arm, seed) == (SCRATCH, 1) else PETS)
        for arm in (TRANSFER, SCRATCH)
        for seed in (0, 1, 2)
    ]
    found = verdict_on(with_faults(Arms("step-1", rows(LabelKind.CLASS, PETS), ("accuracy",), 0.01, tuple(answered))))
    assert found.reasons == (f"the from-scratch baseline is invalid: with seed 1, {SAME}",)


def test_under_twenty_rows_one_answer_says_nothing_of_a_model() -> None:
    few = Arms(
        "step-1",
        rows(LabelKind.CLASS, PETS[:9]),
        ("accuracy",),
        0.01,
        tuple(ArmAnswers(arm, 0, ("cat",) * 9) for arm in (TRANSFER, SCRATCH)),
    )
    assert verdict_on(with_faults(few)).outcome is Outcome.INCONCLUSIVE


def test_answers_that_were_stored_before_arms_were_checked_give_the_verdict_that_they_gave() -> None:
    stored = compared(transfer=(None, {}), scratch=("cat", {}))
    assert stored.outcome is Outcome.NO_VERDICT
    answered = tuple(
        ArmAnswers(arm, seed, PETS if arm is TRANSFER else ("cat",) * 60)
        for arm in (TRANSFER, SCRATCH)
        for seed in (0, 1, 2)
    )
    before = Arms("step-1", rows(LabelKind.CLASS, PETS), ("accuracy",), 0.01, answered)
    again = verdict_on(before, rule=1)
    assert again.outcome is Outcome.POSITIVE
    assert (again.scores, again.gaps, again.slices) == (stored.scores, stored.gaps, stored.slices)


@pytest.mark.parametrize(
    ("kind", "truth", "same", "other"),
    [
        (LabelKind.CLASS, ("a", "b", "a"), ("a", "a", "a"), ("a", "a", "b")),
        (LabelKind.MANY, ("a|b", "b", ""), ([], [], []), ([], [], ["a"])),
        (LabelKind.MANY, ("a|b", "b", ""), (["a", "b"], ["b", "a"], ["a", "b"]), (["a", "b"], ["a"], ["a", "b"])),
        (LabelKind.TAGS, ("O B", "O", "B"), (["O", "O"], ["O"], ["O"]), (["O", "B"], ["O"], ["O"])),
        (LabelKind.TAGS, ("O B", "O", "B"), (["O", None], ["O"], ["O"]), (["O", "O"], ["O"], ["B"])),
        (LabelKind.NUMBER, ("1", "5", "9"), (5.0, 5.001, 4.999), (5.0, 5.2, 4.8)),
        (LabelKind.NUMBER, ("1e6", "1000004", "1000008"), (1e6, 1e6, 1000000.01), (1e6, 1000001.0, 1000002.0)),
    ],
)
def test_the_same_answer_is_known_for_every_kind_of_label(
    kind: LabelKind, truth: tuple[str, ...], same: tuple[object, ...], other: tuple[object, ...]
) -> None:
    assert same_answer(rows(kind, truth), same)
    assert not same_answer(rows(kind, truth), other)
