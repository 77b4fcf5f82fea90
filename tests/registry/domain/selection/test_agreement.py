"""How well an order agrees with what came out, and how one order is made of several scores."""

from __future__ import annotations

import pytest

from registry.domain.selection.agreement import recall, regret, weighted_tau
from registry.domain.selection.ordering import disagreement, mean_ranks, ordered, ranks

TABLES = {
    # Ten ImageNet models: accuracy after fine-tuning, then H-score, LEEP, LogME and NCE, as printed in
    # thuml/Transfer-Learning-Library, examples/model_selection/README.md (MIT); the last line is their weighted tau.
    "CIFAR10": (
        (96.2, 97.5, 96.8, 97.7, 97.9, 97.2, 97.4, 97.4, 95.7, 96.8),
        (
            (5.911, 6.363, 6.567, 6.901, 6.945, 6.210, 6.547, 6.706, 5.928, 6.018),
            (-1.385, -1.259, -1.010, -0.829, -0.838, -1.035, -0.934, -0.888, -1.100, -1.066),
            (0.293, 0.349, 0.388, 0.463, 0.469, 0.302, 0.343, 0.369, 0.291, 0.304),
            (-1.139, -1.060, -1.007, -0.838, -0.851, -1.006, -0.946, -0.866, -1.089, -1.086),
        ),
        (0.800, 0.638, 0.785, 0.714),
    ),
    "SUN397": (
        (62.0, 65.7, 64.7, 64.8, 66.0, 62.3, 63.0, 64.7, 60.5, 60.7),
        (
            (71.35, 114.21, 110.39, 113.63, 116.51, 72.16, 95.80, 103.09, 75.90, 80.91),
            (-3.744, -3.372, -3.198, -3.103, -3.056, -3.311, -3.165, -3.205, -3.338, -3.234),
            (1.621, 1.648, 1.638, 1.642, 1.646, 1.614, 1.623, 1.624, 1.617, 1.625),
            (-3.055, -2.844, -2.894, -2.837, -2.822, -2.945, -2.903, -2.896, -2.968, -2.933),
        ),
        (0.918, 0.581, 0.748, 0.873),
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_weighted_tau_gives_the_published_tables(name: str) -> None:
    achieved, scores, printed = TABLES[name]
    assert [weighted_tau(score, achieved) for score in scores] == pytest.approx(printed, abs=6e-4)


def test_weighted_tau_of_a_constant_order_is_unknown() -> None:
    assert weighted_tau([1, 1, 1], [1, 2, 3]) is None
    assert weighted_tau([3, 2, 1], [3, 2, 1]) == pytest.approx(1.0)


def test_regret_is_what_the_first_choice_loses_to_the_best() -> None:
    assert regret([3, 2, 1], [0.8, 0.9, 0.7]) == pytest.approx(0.1)
    assert regret([2, 2, 1], [0.8, 0.9, 0.7]) == pytest.approx(0.05)  # of equals one is drawn


def test_recall_counts_a_tie_at_its_edge_as_the_chance_of_being_drawn() -> None:
    assert recall([4, 3, 2, 1], [0, 0, 1, 0], first=3) == 1.0
    assert recall([4, 3, 2, 1], [0, 0, 0, 1], first=3) == 0.0
    assert recall([4, 1, 1, 1], [0, 1, 0, 0], first=3) == pytest.approx(2 / 3)


def test_equal_scores_share_their_rank_and_a_missing_one_is_not_counted() -> None:
    assert ranks([5.0, 7.0, 5.0, None]) == [2.5, 1.0, 2.5, None]
    assert mean_ranks({"a": [1.0, 2.0, None], "b": [1.0, 2.0, None]}) == [2.0, 1.0, None]


def test_a_flagged_candidate_comes_last_however_well_it_scores() -> None:
    assert ordered([1.0, 2.0, None, 3.0], [0.9, 0.8, None, 0.7], last={0}) == [1, 3, 2, 0]


def test_scores_that_name_different_firsts_are_said_to_disagree() -> None:
    assert disagreement({"a": [1.0, 2.0], "b": [2.0, 1.0]}) == {"a": 1, "b": 0}
    assert disagreement({"a": [1.0, 2.0], "b": [0.0, 1.0]}) == {}
