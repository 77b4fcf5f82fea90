"""The facets of a verdict: each question answered by itself, and the overall word that follows from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from registry.domain.codec import from_json, to_json
from registry.domain.comparison.arms import Arm, Measure
from registry.domain.comparison.facets import POWER
from registry.domain.comparison.judging import judge
from registry.domain.comparison.statistics.tallies import mean
from registry.domain.comparison.verdict import Answer, ArmKind, Facet, FacetName, Outcome, TransferVerdict
from tests.registry.domain.comparison.worlds import answered, arm

TRANSFER, SCRATCH, PROBE = ArmKind.TRANSFER, ArmKind.SCRATCH, ArmKind.PROBE
ACCURACY = Measure("accuracy")


def judged(items: int = 100, margin: float = 0.01, **right: int) -> TransferVerdict:
    """Arms by name that are right on the first so many of `items`."""
    return judge(
        [answered(kind, right[kind.value], items) for kind in ArmKind if kind.value in right],
        Measure("accuracy", margin=margin),
    )


def facet(verdict: TransferVerdict, name: FacetName) -> Facet:
    found = verdict.facet(name)
    assert found is not None
    return found


def answers(verdict: TransferVerdict) -> dict[str, str]:
    return {facet.name.value: facet.answer.value for facet in verdict.facets}


def test_every_question_is_answered_by_itself() -> None:
    verdict = judged(transfer=90, scratch=60, probe=70, production=75, constant=30)
    assert verdict.outcome is Outcome.POSITIVE
    assert answers(verdict) == {
        "benefit": "shown",
        "non_inferior": "shown",
        "better_than_probe": "shown",
        "production": "shown",
        "constant": "shown",
        "equivalent": "refuted",
        "detectable": "open",
    }


def test_a_transfer_far_below_production_is_negative_however_much_it_gained_over_scratch() -> None:
    verdict = judged(transfer=60, scratch=30, probe=40, production=99)
    assert verdict.outcome is Outcome.NEGATIVE
    assert verdict.reasons[0].startswith("worse than the version in production: accuracy -0.3900 [")
    assert verdict.reasons[1].startswith("better than from scratch: accuracy +0.3000 [")


def test_a_transfer_below_a_constant_answer_is_negative_however_much_it_gained_over_scratch() -> None:
    verdict = judged(transfer=60, scratch=30, probe=40, constant=69)
    assert verdict.outcome is Outcome.NEGATIVE
    assert verdict.reasons[0].startswith("worse than a constant answer: accuracy -0.0900 [")


def test_a_transfer_that_is_not_shown_to_beat_a_constant_is_inconclusive() -> None:
    verdict = judged(transfer=60, scratch=30, probe=40, constant=59)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reasons[0].startswith("not shown to be better than a constant answer: accuracy +0.0100")


def test_a_transfer_that_may_be_below_production_is_helpful_and_not_positive() -> None:
    verdict = judged(transfer=90, scratch=60, probe=70, production=90)
    assert (verdict.outcome, facet(verdict, FacetName.PRODUCTION).answer) == (Outcome.HELPFUL, Answer.OPEN)
    assert verdict.reasons[1].startswith("it may be worse than the version in production by more than 0.01")


@pytest.mark.parametrize(("items", "non_inferior"), [(100, "open"), (1000, "shown")])
def test_what_equals_the_probe_and_beats_scratch_is_helpful_however_large_the_test_data(
    items: int, non_inferior: str
) -> None:
    verdict = judged(items, transfer=items * 8 // 10, scratch=items * 6 // 10, probe=items * 8 // 10)
    found = answers(verdict)
    assert (verdict.outcome, found["benefit"], found["better_than_probe"]) == (Outcome.HELPFUL, "shown", "open")
    assert found["non_inferior"] == non_inferior


def test_a_transfer_that_is_worse_than_the_probe_by_less_than_the_margin_is_not_positive() -> None:
    verdict = judged(1000, margin=0.1, transfer=800, scratch=600, probe=830)
    assert (verdict.outcome, answers(verdict)["better_than_probe"]) == (Outcome.HELPFUL, "refuted")
    assert verdict.reasons[1].startswith("worse than the linear probe: accuracy -0.0300 [")


def test_a_transfer_better_than_the_probe_over_its_seeds_is_positive_if_the_published_model_is() -> None:
    lucky, unlucky = "x" * 90 + "." * 10, "x" * 72 + "." * 28
    arms = [arm(TRANSFER, unlucky, *[lucky] * 9), answered(SCRATCH, 50, 100), answered(PROBE, 70, 100)]
    verdict = judge(arms, Measure("accuracy", published=0))
    assert (verdict.outcome, answers(verdict)["better_than_probe"]) == (Outcome.HELPFUL, "open")
    assert verdict.reasons[1].startswith("the published model may be worse than the linear probe by more than 0.01")
    assert judge(arms, Measure("accuracy", published=1)).outcome is Outcome.POSITIVE


def test_no_difference_from_scratch_is_equivalent_only_where_the_test_data_is_large_enough() -> None:
    assert judged(transfer=80, scratch=80, items=100).outcome is Outcome.INCONCLUSIVE
    large = judged(transfer=800, scratch=800, items=1000)
    assert large.outcome is Outcome.EQUIVALENT
    assert large.reasons == (
        "the same as from scratch up to 0.01: accuracy +0.0000 [-0.0016, +0.0016] (90 % interval)",
    )


def test_answers_that_never_differ_are_no_proof_of_equivalence_on_twenty_items() -> None:
    verdict = judged(transfer=20, scratch=10, probe=20, items=20)
    assert facet(verdict, FacetName.NON_INFERIOR).answer is Answer.OPEN
    assert facet(verdict, FacetName.NON_INFERIOR).effect.low == pytest.approx(-1.96 / 20, abs=1e-4)


def test_an_inconclusive_verdict_says_which_difference_this_test_data_would_show() -> None:
    verdict = judged(transfer=81, scratch=80)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "a difference from scratch of 0.0" in verdict.reasons[-1]
    assert "is shown in four of five repeats" in verdict.reasons[-1]


def test_the_detectable_effect_is_that_of_the_normal_power_formula() -> None:
    verdict = judged(transfer=500, scratch=400, items=1000)
    error = np.sqrt(0.1 * 0.9 / 1000 + 1 / 1000**2)  # 100 of 1,000 items differ, and one more
    expected = (stats.norm.ppf(0.975) + stats.norm.ppf(POWER)) * error
    assert facet(verdict, FacetName.DETECTABLE).effect.value == pytest.approx(expected, rel=0.03)


def test_the_interval_of_equivalence_is_the_one_of_two_one_sided_t_tests() -> None:
    chance = np.random.default_rng(1)
    one, two = chance.normal(size=(2, 400)) * 0.1 + 1
    arms = [Arm(TRANSFER, (0,), (mean(one),)), Arm(SCRATCH, (0,), (mean(two),))]
    effect = facet(judge(arms, Measure("mae", higher_is_better=False)), FacetName.EQUIVALENT).effect
    low, high = stats.ttest_rel(two, one).confidence_interval(0.9)
    assert (effect.low, effect.high) == pytest.approx((low, high), abs=4e-4)


def test_a_verdict_that_only_other_seeds_deserve_is_not_given_to_the_published_model() -> None:
    lucky, unlucky = "x" * 90 + "." * 10, "x" * 62 + "." * 38
    arms = [arm(TRANSFER, unlucky, lucky, lucky), answered(SCRATCH, 60, 100), answered(PROBE, 50, 100)]
    alone = judge(arms, Measure("accuracy", published=0))
    assert alone.published == 0
    assert facet(alone, FacetName.BENEFIT).answer is Answer.OPEN
    assert judge(arms, Measure("accuracy", published=1)).outcome is not Outcome.NEGATIVE


def test_the_published_model_and_not_the_mean_over_seeds_is_compared_with_production() -> None:
    bad, good = "x" * 60 + "." * 40, "x" * 95 + "." * 5
    arms = [arm(TRANSFER, bad, good, good), answered(SCRATCH, 30, 100), answered(ArmKind.PRODUCTION, 80, 100, 1)]
    assert judge(arms, Measure("accuracy", published=0)).outcome is Outcome.NEGATIVE
    assert judge(arms, Measure("accuracy", published=1)).outcome is not Outcome.NEGATIVE


def test_an_invalid_arm_answers_no_question() -> None:
    arms = [answered(TRANSFER, 30, 100), answered(SCRATCH, 60, 100), replace(answered(PROBE, 90, 100), broken="broken")]
    verdict = judge(arms, ACCURACY)
    assert (verdict.outcome, verdict.facet(FacetName.NON_INFERIOR)) == (Outcome.NEGATIVE, None)


def test_a_verdict_of_the_first_rule_is_computed_again_as_it_was() -> None:
    arms = [answered(TRANSFER, 60, 100), answered(SCRATCH, 30, 100), answered(ArmKind.PRODUCTION, 99, 100)]
    verdict = judge(arms, ACCURACY, rule=1)
    assert (verdict.outcome, verdict.facets, verdict.rule) == (Outcome.POSITIVE, (), 1)


def test_a_verdict_on_record_from_before_facets_is_read_as_one_of_the_first_rule() -> None:
    record = to_json(judged(transfer=90, scratch=60))
    assert isinstance(record, dict)
    old = {name: value for name, value in record.items() if name not in {"rule", "facets", "published"}}
    found = from_json(TransferVerdict, old)
    assert (found.rule, found.facets, found.published) == (1, (), None)
