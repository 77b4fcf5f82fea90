"""The rule of the verdicts on record from before facets, kept so that they can be computed again.

Positive rested on the comparisons with scratch, probe and slices alone, of the mean over seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from registry.domain.comparison.facets import described, sure
from registry.domain.comparison.verdict import ArmKind, Gap, Outcome


def conclude_first(
    gaps: Mapping[ArmKind, Gap], worse: Sequence[str], *, metric: str, margin: float, level: float
) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome of rule 1 with its reasons; `worse` says on which slices the transfer is."""
    scratch, probe = gaps[ArmKind.SCRATCH], gaps.get(ArmKind.PROBE)
    agrees = sure(scratch.flips, level)
    if scratch.gain.high < 0 and agrees:
        return Outcome.NEGATIVE, (f"worse than from scratch: {described(scratch, metric)}",)
    against = []
    if not (scratch.gain.low > 0 and agrees):
        against.append(f"no difference from scratch is shown: {described(scratch, metric)}")
    if probe is not None and probe.gain.low <= -margin:
        against.append(f"it may be worse than the linear probe by more than {margin:g}: {described(probe, metric)}")
    against += worse
    if against:
        return Outcome.INCONCLUSIVE, tuple(against)
    shown = [f"better than from scratch: {described(scratch, metric)}"]
    if probe is not None:
        shown.append(f"not worse than the linear probe by more than {margin:g}: {described(probe, metric)}")
    return Outcome.POSITIVE, tuple(shown)
