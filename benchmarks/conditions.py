"""How long the conditions of a policy take: a walk over 2,000 numbers of evidence, and the costliest that is allowed.

`python -m benchmarks.conditions` prints steps and milliseconds. A decision evaluates the conditions of its policy about
three times: which policy applies, who may vote, and the verdict.
"""

from __future__ import annotations

import sys
import time
from statistics import median

from registry.domain.governance.conditions.evaluation import MAX_TOTAL
from registry.domain.governance.conditions.expressions import Expression, Scope
from registry.domain.governance.conditions.problems import UnanswerableError

NUMBERS = [n / 2000 for n in range(2000)]
WALK = "evidence.validation.errors.all(error, error < 1.0 && error >= 0.0)"
NESTED = "evidence.validation.errors.all(x, evidence.validation.errors.all(y, x + y < 9.0))"
TEXT = "evidence.validation.words.all(word, word.matches('^(a+)+$'))"
REPEATS = 20
ROWS = (
    ("a walk over 2,000 numbers", (WALK,)),
    ("the same in five gates", (WALK,) * 5),
    ("a walk within a walk, stopped", (NESTED,)),
    ("a pattern that makes Python's own matching take for ever", (TEXT,)),
    ("as much as a policy may take", (WALK, NESTED) * 20),
)


def timed(conditions: tuple[str, ...]) -> tuple[int, float]:
    """Steps, and the median of the milliseconds that all `conditions` take on one set of facts."""
    facts = {"evidence": {"validation": {"errors": NUMBERS, "words": ["a" * 40 + "!"] * 50}}}
    expressions = [Expression(text) for text in conditions]
    taken, steps = [], 0
    for _ in range(REPEATS):
        scope, began = Scope(facts), time.perf_counter()
        for expression in expressions:
            try:
                expression.holds(scope)
            except UnanswerableError:
                continue
        taken.append((time.perf_counter() - began) * 1000)
        steps = scope.meter.total
    return steps, median(taken)


def main() -> None:
    """Print one line per set of conditions."""
    sys.stdout.write(f"At most {MAX_TOTAL:,} steps for a policy; median of {REPEATS} runs\n")
    for name, conditions in ROWS:
        steps, milliseconds = timed(conditions)
        sys.stdout.write(f"{name:<58} {steps:>9,} steps {milliseconds:>8.1f} ms\n")


if __name__ == "__main__":
    main()
