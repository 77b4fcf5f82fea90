"""The artifact of all answers: written once, read for ever, and refused where it is not whole."""

from __future__ import annotations

import json

import pytest

from registry.domain.comparison.answers import ArmAnswers, Arms, TestRows, read_arms
from registry.domain.comparison.verdict import ArmKind
from registry.domain.data.datasets import LabelKind
from registry.errors import IntegrityError
from tests.builders import digest

ROWS = TestRows(digest("data"), "test", LabelKind.MANY, (3, 5), ("cat|dog", ""))
ARMS = Arms(
    "step-1",
    ROWS,
    ("macro_f1",),
    0.01,
    (
        ArmAnswers(ArmKind.TRANSFER, 0, (["cat"], [])),
        ArmAnswers(ArmKind.SCRATCH, 0, ([], ["dog"]), {"learning_rate": 0.001}),
    ),
    {"production": "no version is in production"},
)


def test_what_was_written_is_read() -> None:
    assert read_arms(ARMS.write()) == Arms(
        ARMS.step,
        ROWS,
        ARMS.metrics,
        ARMS.margin,
        tuple(ArmAnswers(arm.arm, arm.seed, tuple(arm.answers), arm.facts) for arm in ARMS.arms),
        ARMS.skipped,
    )


def test_each_line_is_json_and_the_first_says_schema_data_and_split() -> None:
    head, rows, transfer, _ = map(json.loads, ARMS.write().splitlines())
    assert (head["schema"], head["role"], head["split"]) == ("forebear/arms/v1", "test", "test")
    assert head["data"] == str(digest("data"))
    assert rows == {"keys": [3, 5], "truth": ["cat|dog", ""]}
    assert transfer == {"arm": "transfer", "seed": 0, "answers": [["cat"], []], "facts": {}}


def test_an_arm_answers_every_row_or_is_refused() -> None:
    with pytest.raises(IntegrityError, match="The arm probe, seed 4, answered 1 rows of 2"):
        Arms("step-1", ROWS, (), 0.01, (ArmAnswers(ArmKind.PROBE, 4, (["cat"],)),))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"not json\n",
        ARMS.write().replace(b"forebear/arms/v1", b"forebear/arms/v9"),
        ARMS.write().replace(b'"scratch"', b'"scrap"'),
        b"\n".join(ARMS.write().splitlines()[:1]),
    ],
    ids=["empty", "object", "text", "later", "unknown arm", "cut"],
)
def test_what_is_not_the_answers_of_arms_is_refused(text: bytes) -> None:
    with pytest.raises(IntegrityError, match="These are not the answers of arms"):
        read_arms(text)
