"""The verdict on a transfer: what is positive, what is negative, and everything that makes it inconclusive."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.verdict import AS_PROBE, CLUSTERED, NULL, PLANTED, outcomes, too_many
from registry.domain.codec import from_json, to_json
from registry.domain.comparison.arms import Arm, Measure
from registry.domain.comparison.judging import judge
from registry.domain.comparison.statistics.tallies import mean
from registry.domain.comparison.verdict import RULE, ArmKind, Outcome, TransferVerdict
from tests.registry.domain.comparison.worlds import answered, arm, rights

TRANSFER, SCRATCH, PROBE = ArmKind.TRANSFER, ArmKind.SCRATCH, ArmKind.PROBE
ACCURACY = Measure("accuracy")


def compared(transfer: int, scratch: int, probe: int | None = None, items: int = 100) -> TransferVerdict:
    """Arms that are right on the first so many of `items`."""
    found = [answered(TRANSFER, transfer, items), answered(SCRATCH, scratch, items)]
    found += [] if probe is None else [answered(PROBE, probe, items)]
    return judge(found, ACCURACY)


def test_better_than_from_scratch_and_than_a_probe_is_positive() -> None:
    verdict = compared(90, 70, 80)
    assert verdict.outcome is Outcome.POSITIVE
    assert verdict.reasons[0].startswith("better than from scratch: accuracy +0.2000 [+0.1")
    assert "20 items better and 0 worse (mid-p p = " in verdict.reasons[0]


def test_worse_than_from_scratch_is_negative_whatever_the_probe_says() -> None:
    assert compared(70, 90, 40).outcome is compared(70, 90).outcome is Outcome.NEGATIVE


def test_no_difference_is_inconclusive() -> None:
    verdict = compared(80, 80, 80)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith("no difference from scratch is shown: accuracy +0.0000 [+0.0000, +0.0000]")


def test_no_verdict_is_positive_while_a_probe_may_be_better_by_more_than_the_margin() -> None:
    verdict = compared(80, 50, 84)
    assert verdict.outcome is Outcome.HELPFUL
    assert verdict.reasons[0].startswith("better than from scratch: accuracy +0.3000")
    assert verdict.reasons[1].startswith("it may be worse than the linear probe by more than 0.01: accuracy -0.04")
    arms = [answered(TRANSFER, 80, 100), answered(SCRATCH, 50, 100), answered(PROBE, 84, 100)]
    wide = judge(arms, Measure("accuracy", margin=0.2))
    assert wide.outcome is Outcome.HELPFUL
    assert wide.reasons[1].startswith("no difference from the linear probe is shown: accuracy -0.04")
    assert wide.reasons[2].startswith("not worse than the linear probe by more than 0.2")
    assert judge(arms, Measure("accuracy", margin=0.2), rule=2).outcome is Outcome.POSITIVE


@pytest.mark.parametrize(
    ("classical", "reason"),
    [
        (95, "a classical model without any source is better: accuracy -0.1500"),
        (80, "no difference from a classical model without any source is shown: accuracy +0.0000"),
        (60, None),
    ],
)
def test_a_classical_model_changes_no_outcome_and_the_reasons_say_how_it_does(
    classical: int, reason: str | None
) -> None:
    arms = [answered(TRANSFER, 80, 100), answered(SCRATCH, 50, 100)]
    verdict = judge([*arms, answered(ArmKind.CLASSICAL, classical, 100, seeds=1)], ACCURACY)
    alone = judge(arms, ACCURACY)
    assert (verdict.outcome, verdict.scores[:2]) == (alone.outcome, alone.scores)
    further = verdict.reasons[len(alone.reasons) :]
    assert not further if reason is None else further[0].startswith(reason)


def test_a_transfer_that_is_the_probe_is_not_held_back_by_it() -> None:
    probe = answered(PROBE, 80, 100)
    arms = [answered(TRANSFER, 80, 100), answered(SCRATCH, 50, 100)]
    assert judge([*arms, replace(probe, same=True)], ACCURACY).outcome is Outcome.POSITIVE
    assert judge([*arms, probe], ACCURACY).outcome is Outcome.HELPFUL  # equal answers of two models may be luck


def test_without_an_arm_from_scratch_there_is_nothing_to_be_better_than() -> None:
    verdict = judge([answered(TRANSFER, 90, 100), answered(PROBE, 80, 100)], ACCURACY)
    assert (verdict.outcome, verdict.reasons[0].partition(",")[0]) == (
        Outcome.INCONCLUSIVE,
        "no arm was trained from scratch",
    )


@pytest.mark.parametrize("items", [1, 5, 19])
def test_under_twenty_items_nothing_is_concluded(items: int) -> None:
    verdict = compared(items, 0, items=items)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons == (f"{items} test items are too few: 20 are needed",)


def test_four_items_of_a_hundred_are_not_enough_though_every_draw_holds_one() -> None:
    verdict = compared(84, 80)
    gap = verdict.gap(SCRATCH)
    assert gap is not None
    assert gap.flips is not None
    assert gap.gain.low > 0
    assert gap.flips.p > 0.05
    assert verdict.outcome is Outcome.INCONCLUSIVE


def test_a_slice_that_got_worse_lowers_a_positive_and_is_named() -> None:
    # Cats gain 30 items, dogs lose 15 of theirs.
    transfer, scratch = "x" * 60 + "." * 15 + "x" * 5, "x" * 30 + "." * 30 + "x" * 20
    places = {"class cat": np.arange(60), "class dog": np.arange(60, 80)}
    arms = [
        replace(
            arm(kind, *[marks] * 3),
            points={name: (rights("".join(marks[i] for i in at)),) * 3 for name, at in places.items()},
        )
        for kind, marks in ((TRANSFER, transfer), (SCRATCH, scratch))
    ]
    assert judge(arms, ACCURACY).outcome is Outcome.POSITIVE
    verdict = judge(arms, Measure("accuracy", slices=places))
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith("worse than from scratch on class dog: 0.250 against 1.000 accuracy, p = ")
    assert [(part.name, part.worse) for part in verdict.slices] == [("class cat", False), ("class dog", True)]


def test_a_slice_of_four_items_is_shown_and_not_tested() -> None:
    places = {"class rare": np.arange(4)}
    arms = [
        replace(answered(kind, right, 100), points={"class rare": (rights(marks),) * 3})
        for kind, right, marks in ((TRANSFER, 90, "...."), (SCRATCH, 50, "xxxx"))
    ]
    (part,) = judge(arms, Measure("accuracy", slices=places)).slices
    assert (part.p_worse, part.p_holm, part.worse, part.gain) == (1.0, 1.0, False, -1.0)


def test_of_an_error_less_is_better() -> None:
    chance = np.random.default_rng(0)
    errors = np.abs(chance.normal(size=(2, 3, 200)))

    def numbers(kind: ArmKind, drawn: np.ndarray, scale: float) -> Arm:
        return Arm(kind, (0, 1, 2), tuple(mean(row * scale) for row in drawn))

    arms = [numbers(TRANSFER, errors[0], 0.5), numbers(SCRATCH, errors[1], 1.0)]
    verdict = judge(arms, Measure("mae", higher_is_better=False))
    gap = verdict.gap(SCRATCH)
    assert verdict.outcome is Outcome.POSITIVE
    assert gap is not None
    assert gap.gain.value > 0
    assert gap.flips is None
    assert judge(
        [replace(arms[1], kind=TRANSFER), replace(arms[0], kind=SCRATCH)], Measure("mae", higher_is_better=False)
    ).outcome is (Outcome.NEGATIVE)


def test_a_verdict_is_json_and_back() -> None:
    verdict = compared(90, 70, 88)
    assert from_json(TransferVerdict, to_json(verdict)) == verdict


@settings(max_examples=30)
@given(st.integers(0, 60), st.integers(0, 60))
def test_exchanging_transfer_and_scratch_turns_positive_into_negative(one: int, two: int) -> None:
    turned = {Outcome.POSITIVE: Outcome.NEGATIVE, Outcome.NEGATIVE: Outcome.POSITIVE}
    there, back = compared(one, two, items=60), compared(two, one, items=60)
    assert back.outcome is turned.get(there.outcome, Outcome.INCONCLUSIVE)


@settings(max_examples=20)
@given(st.integers(0, 59), st.integers(0, 60))
def test_one_more_right_answer_never_makes_a_verdict_worse(one: int, two: int) -> None:
    order = [Outcome.NEGATIVE, Outcome.INCONCLUSIVE, Outcome.POSITIVE]
    before, after = compared(one, two, items=60), compared(one + 1, two, items=60)
    assert order.index(before.outcome) <= order.index(after.outcome)


def test_rows_in_groups_are_compared_by_group_which_the_first_rule_did_not() -> None:
    by_group, by_row = (
        [outcome for outcome, _ in outcomes(CLUSTERED[-1], 240, 5, rule=rule, resampled=500)] for rule in (RULE, 1)
    )
    assert not too_many(by_group.count(Outcome.POSITIVE), 240)
    assert not too_many(by_group.count(Outcome.NEGATIVE), 240)
    assert too_many(by_row.count(Outcome.POSITIVE), 240)


def test_what_equals_the_probe_is_hardly_ever_positive_and_mostly_helpful() -> None:
    found = [outcome for outcome, _ in outcomes(AS_PROBE[0], 120, 5, resampled=1_000)]
    assert not too_many(found.count(Outcome.POSITIVE), 120)
    assert found.count(Outcome.HELPFUL) >= 0.8 * 120


def test_the_power_of_the_planted_gain_of_five_points_is_what_normal_theory_says() -> None:
    """One published model against the mean of three from scratch, on rows that are as hard for all."""
    world = next(one for one in PLANTED if one.gain == 0.05)
    one, two = world.level + world.gain, world.level
    z, hard = stats.norm.ppf([one, two]), 0.6  # correlation of two models' errors on a row
    both, pair = (
        stats.multivariate_normal.cdf([x, z[1]], cov=[[1, hard], [hard, 1]]) - p * two
        for x, p in ((z[0], one), (z[1], two))
    )
    rows = one * (1 - one) + (two * (1 - two) + 2 * pair) / 3 - 2 * both
    error = np.sqrt(rows / world.items + world.luck**2 * (1 + 1 / 3))
    power = stats.norm.sf(stats.norm.ppf(0.975) - world.gain / error)
    assert power == pytest.approx(0.80, abs=0.01)
    assert world.power == pytest.approx(power - 3 * np.sqrt(power * (1 - power) / 250), abs=0.01)


def test_where_nothing_differs_hardly_any_verdict_is_positive_or_negative() -> None:
    runs, counts = 0, {Outcome.POSITIVE: 0, Outcome.NEGATIVE: 0, Outcome.INCONCLUSIVE: 0}
    for number, world in enumerate(NULL[:3]):
        for outcome, _ in outcomes(world, 40, number):
            runs, counts[outcome] = runs + 1, counts[outcome] + 1
    assert not too_many(counts[Outcome.POSITIVE], runs)
    assert not too_many(counts[Outcome.NEGATIVE], runs)
