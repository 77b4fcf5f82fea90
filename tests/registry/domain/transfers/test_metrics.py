"""A model that is no better than the same answer to every row is said to be so."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import MetricValue
from registry.domain.transfers.metrics import below_source, beyond_baseline, remarks
from tests.builders import digest


def value(name: str, number: float, role: str = "test", data: str = "digits") -> MetricValue:
    return MetricValue(name, number, role, role, digest(data))


def test_an_accuracy_that_equals_the_majority_class_is_named() -> None:
    found = beyond_baseline([value("accuracy", 0.5), value("baseline_accuracy", 0.5)])
    assert found == ("accuracy 0.500 equals the majority-class baseline 0.500: the model has learnt nothing beyond it",)


def test_an_accuracy_below_the_majority_class_is_named() -> None:
    (sentence,) = beyond_baseline([value("accuracy", 0.4), value("baseline_accuracy", 0.5)])
    assert sentence.startswith("accuracy 0.400 is below the majority-class baseline 0.500")


def test_of_an_error_more_is_worse() -> None:
    (sentence,) = beyond_baseline([value("rmse", 2.0), value("baseline_rmse", 1.5)])
    assert sentence.startswith("rmse 2.000 is above the baseline of one constant answer 1.500")
    assert beyond_baseline([value("rmse", 1.0), value("baseline_rmse", 1.5)]) == ()


@pytest.mark.parametrize(
    "measured",
    [
        [value("accuracy", 0.9), value("baseline_accuracy", 0.5)],
        [value("accuracy", 0.5)],
        [value("baseline_accuracy", 0.5)],
        [value("accuracy", 0.5, data="one"), value("baseline_accuracy", 0.5, data="other")],
        [value("accuracy", 0.5, "validation"), value("baseline_accuracy", 0.5, "validation"), value("accuracy", 0.9)],
    ],
)
def test_nothing_is_noted_without_a_baseline_of_the_same_test_data_or_above_it(measured: list[MetricValue]) -> None:
    assert beyond_baseline(measured) == ()


def test_an_adaptation_that_ends_below_training_without_it_says_so() -> None:
    assert below_source([value("accuracy", 0.17), value("source_only_accuracy", 0.6)]) == (
        "accuracy on test data is 0.170, 0.430 worse than the 0.600 of the same training without adaptation: "
        "adapting has done harm",
    )
    assert below_source([value("accuracy", 0.6), value("source_only_accuracy", 0.6)]) == ()


def test_what_a_quantised_model_loses_against_its_source_is_said() -> None:
    (sentence,) = below_source([value("accuracy", 0.311), value("source_accuracy", 0.89)])
    assert sentence == "accuracy on test data is 0.311, 0.579 worse than the 0.890 of its source"
    assert below_source([value("accuracy", 0.9), value("source_accuracy", 0.89)]) == ()


def test_of_errors_a_higher_one_is_the_loss_and_other_data_is_not_compared() -> None:
    (sentence,) = below_source([value("rmse", 2.0), value("source_rmse", 1.5)])
    assert sentence == "rmse on test data is 2.000, 0.500 worse than the 1.500 of its source"
    assert below_source([value("rmse", 2.0), value("source_rmse", 1.5, data="other")]) == ()


def test_remarks_hold_what_is_lost_and_what_is_no_better_than_a_constant() -> None:
    measured = [value("accuracy", 0.4), value("source_only_accuracy", 0.7), value("baseline_accuracy", 0.5)]
    assert len(remarks(measured)) == 2
