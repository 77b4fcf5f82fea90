"""Whether the answers of an arm can be compared at all.

A model that was broken on the way from training to use, or that never learnt, measures nothing: a comparison with it
shows a difference that its baseline's fault has made. Two faults are looked for in each arm and seed:

- In evaluation mode its model does not answer its own training rows as it does in training mode. The adapter measures
  this after training (`CHECK` in the facts of the arm).
- It gives every test row the same answer, although it was to learn from labels, and on its training rows too it is no
  better than a constant. Where rows of one class are rare, a model that has learnt may still answer with the common
  class everywhere: it is then better than a constant by its loss on the training rows, and it is valid.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean, pstdev

from registry.domain.comparison.answers import ArmAnswers, Arms, TestRows
from registry.domain.comparison.verdict import ArmKind
from registry.domain.data.datasets import LabelKind

CHECK = "training_check"
"""The key in an arm's facts that holds what the adapter measured on the training rows, by role."""
BROKEN, CONSTANT = "broken", "constant"
"""The keys in an arm's facts that hold what is wrong with it, as the end of a sentence."""
TRAINED = frozenset({ArmKind.TRANSFER, ArmKind.SCRATCH, ArmKind.PROBE})
"""Arms that a step trains itself."""
LEAST_SPREAD = 0.01
"""Standard deviation of numbers that count as the same answer, at most, in that of the labels.

Predictions that explain a share R² of the variance spread by R times that of the labels: this is R² = 0.0001.
"""


def with_faults(arms: Arms) -> Arms:
    """The arms, each with what is wrong with it in its facts, so that the verdict can be computed again from them."""
    return replace(
        arms,
        arms=tuple(
            replace(arm, facts={**arm.facts, **_faults(arms.rows, arm)}) if arm.arm in TRAINED else arm
            for arm in arms.arms
        ),
    )


def _faults(rows: TestRows, arm: ArmAnswers) -> dict[str, str]:
    checks = _checks(arm.facts)
    for check in checks:
        if check.get("agrees") is False:
            return {BROKEN: disagreement(check)}
    learnt = any(check.get("learnt") is True for check in checks)
    if not learnt and same_answer(rows, arm.answers):
        return {CONSTANT: "it gives every row the same answer, and has learnt nothing from its training rows"}
    return {}


def fault(arm: Sequence[ArmAnswers], key: str) -> str:
    """What `with_faults` found under `key`, of the first seed of an arm that has it; empty if none has."""
    found = [(one.seed, text) for one in arm if isinstance(text := one.facts.get(key), str)]
    if not found:
        return ""
    seed, text = found[0]
    return text if len(found) == len(arm) else f"with seed {seed}, {text}"


def disagreement(check: Mapping[str, object]) -> str:
    """What a check in which the two modes do not agree shows, as the end of a sentence."""
    metric = str(check["metric"]).replace("_", " ")
    evaluation, training = (float(str(check[mode])) for mode in ("evaluation", "training"))
    return (
        f"on its training rows the {metric} is {evaluation:.3f} in evaluation mode and {training:.3f} in training mode"
    )


def same_answer(rows: TestRows, answers: Sequence[object]) -> bool:
    """True if every test row got the same answer; for tags if every word did, for numbers if they hardly vary."""
    if rows.labels is LabelKind.NUMBER:
        truth = [float(label) for label in rows.truth]
        return pstdev(_numbers(answers)) <= LEAST_SPREAD * pstdev(truth)
    if rows.labels is LabelKind.TAGS:
        return len({tag for answer in answers for tag in _parts(answer) if tag is not None}) <= 1
    if rows.labels is LabelKind.MANY:
        return len({frozenset(_parts(answer)) for answer in answers}) <= 1
    return len({str(answer) for answer in answers}) <= 1


def _numbers(answers: Sequence[object]) -> list[float]:
    numbers = [float(str(answer)) for answer in answers]
    middle = fmean(numbers)
    return [number - middle for number in numbers]


def _parts(answer: object) -> list[object]:
    return [*answer] if isinstance(answer, list | tuple) else [*str(answer).split()]


def _checks(facts: Mapping[str, object]) -> list[Mapping[str, object]]:
    found = facts.get(CHECK)
    checks = found.values() if isinstance(found, Mapping) else ()
    return [check for check in checks if isinstance(check, Mapping)]
