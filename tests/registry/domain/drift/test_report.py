"""The verdict goes by effects, corrected over all tests, and is said in words."""

from __future__ import annotations

from registry.domain.comparison.verdict import Interval
from registry.domain.drift.report import Finding, Performance, concluded, settled
from registry.domain.names import AssetKind, Name, VersionRef

MODEL = VersionRef(AssetKind.MODELS, Name("vision", "digits"), 3)
DATA = VersionRef(AssetKind.DATASETS, Name("vision", "june"), 2)


def test_a_tiny_effect_is_no_drift_however_small_its_p_value() -> None:
    found = settled(
        [Finding("features", "KS", 0.03, "D", p=1e-9), Finding("embeddings", "MMD²", 1e-4, "MMD²", 1e-9, auc=0.52)]
    )
    assert not any(one.moved for one in found)
    verdict, sentence = concluded(MODEL, DATA, found, None, 0)
    assert verdict == "no_drift"
    assert sentence.startswith("No drift in vision/june/2 for vision/digits/3: what moved is too little to count: ")


def test_one_chance_in_twenty_is_corrected_for_the_number_of_tests() -> None:
    large = [Finding(name, "KS", 0.5, "D", p=0.04) for name in ("features", "outputs")]
    assert not any(one.moved for one in settled(large))
    assert settled(large[:1])[0].moved


def test_the_sentence_says_what_moved_and_by_how_much() -> None:
    found = settled([Finding("predicted classes", "chi-squared", 0.4, "V", p=1e-6)])
    fell = Performance("accuracy", 0.9, 0.7, Interval(0.2, 0.1, 0.3), moved=True)
    verdict, sentence = concluded(MODEL, DATA, found, fell, 2)
    assert verdict == "drift"
    assert sentence == (
        "Drift in vision/june/2 for vision/digits/3: 2 rows have a label that is none of its classes; "
        "accuracy fell from 0.900 to 0.700, by 0.200 [0.100, 0.300]; predicted classes moved (V 0.40)"
    )


def test_embeddings_count_by_the_classifier_that_tells_them_apart() -> None:
    found = settled(
        [Finding("embeddings", "MMD²", 0.2, "MMD²", 0.01, auc=0.8), Finding("embeddings", "C2ST", 0.8, "AUC", 0.9)]
    )
    assert [one.moved for one in found] == [True, False]
    assert concluded(MODEL, DATA, found, None, 0)[1].endswith("embeddings moved (MMD²)")
