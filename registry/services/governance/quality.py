"""How good a version is by the main metric of its task.

Against a constant answer, the version in production, and what the models above it reached on their own test data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

from lineage import Digest
from registry.domain.catalog.models import PRODUCTION, MetricValue
from registry.domain.comparison.forgetting import Forgotten, Way
from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.conditions.presence import Place, places_read
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.reviews.attestations import stage_of
from registry.domain.names import VersionRef
from registry.domain.transfers.metrics import BASELINE, LESS_IS_BETTER
from registry.services.storage.governance import NamedVersion
from registry.services.unit_of_work import UnitOfWork

MAIN = ("accuracy", "macro_f1", "subset_accuracy", "rmse", "mae")
"""The main metric of a task is the first of these that was measured together with its baseline."""
_OF_PRODUCTION = {("quality",), ("quality", "production"), ("quality", "change")}


def quality(metrics: Mapping[str, float], production: Mapping[str, float]) -> dict[str, object]:
    """What a policy reads as `quality`; empty where no main metric was measured.

    `gain` is what it is better by than the same answer to every row, `change` by than the version in production: the
    difference, and for errors (`rmse`, `mae`) the part of the other's error that it saves. Larger is better.
    """
    main = next((name for name in MAIN if name in metrics and BASELINE + name in metrics), None)
    if main is None:
        return {}
    value, constant = metrics[main], metrics[BASELINE + main]
    facts: dict[str, object] = {"metric": main, "value": value, "constant": constant}
    facts |= _better(main, "gain", value, constant)
    if main in production:
        facts |= {"production": production[main], **_better(main, "change", value, production[main])}
    return facts


def compared_with(
    policy: Policy,
    target: str,
    conditions: Iterable[Expression],
    named: Mapping[str, NamedVersion],
    in_production: Callable[[], NamedVersion | None],
) -> tuple[NamedVersion | None, str | None]:
    """The version that `baseline` holds the metrics of, and what the seen state says of it.

    It is the one that the protected alias of the target's stage names, by `named`. A stage without one is compared with
    production, where a condition reads that: its alias, or else the newest version in it.
    """
    alias = policy.protected_aliases.get(stage_of(target))
    if alias is None:
        places = frozenset[Place]().union(*(places_read(one.tree) for one in conditions))
        if not any(place[0] == "baseline" or place in _OF_PRODUCTION for place in places):
            return None, None
        alias = policy.protected_aliases.get(PRODUCTION)
    found = named.get(alias) if alias is not None else in_production()
    return found, "none" if found is None else str(found.ref)


def newest_in_production(uow: UnitOfWork, ref: VersionRef) -> NamedVersion | None:
    """The newest other version of the model in the stage `production`, with its metrics on test data."""
    others = [one for one in uow.governance.in_stage(ref.name, PRODUCTION) if one != ref]
    record = uow.governance.version(others[-1]) if others else None
    return None if record is None else NamedVersion(record.ref, record.metrics)


def merit(metrics: Mapping[str, float]) -> tuple[str, float] | None:
    """The main metric and its value, larger is better: of an error, the share of a constant answer's that it saves.

    None where no main metric was measured, or an error without that of the constant answer.
    """
    for name in MAIN:
        constant = metrics.get(BASELINE + name, 0.0)
        if name in metrics and name not in LESS_IS_BETTER:
            return name, metrics[name]
        if name in metrics and constant > 0:
            return name, (constant - metrics[name]) / constant
    return None


def forgetting(
    own: Iterable[MetricValue], parents: Iterable[Iterable[MetricValue]], measured: Iterable[Forgotten] = ()
) -> dict[str, object]:
    """What a policy reads as `forgetting`: what was lost on the test data of the models that it was made from.

    `own` is what the version reached on test data, `parents` what each model above it did. Their test sets (a split of
    a dataset version) are handed down: `sets` counts them, `unmeasured` those on which the version was not tested by a
    main metric of theirs. `worst` is the most that was lost on one, as `_better` counts it, less than 0 where it gained
    on all; `on` names that set. `measured` is what the registry measured on them since: `by_probe` counts the sets that
    only a probe could measure, and `worst_high` is the largest upper end of an interval, where every set has one. Empty
    where no model above was tested.
    """
    mine = {(one.data, one.split, one.name): one.value for one in own if math.isfinite(one.value)}
    sets: set[tuple[Digest, str]] = set()
    lost: dict[tuple[Digest, str], tuple[float, str]] = {}
    for parent in parents:
        theirs = {(one.data, one.split, one.name): one for one in parent if one.name in MAIN}
        sets |= {(data, split) for data, split, _ in theirs}
        for data, split in {(data, split) for data, split, _ in theirs}:
            main = next((n for n in MAIN if (data, split, n) in theirs and (data, split, n) in mine), None)
            if main is None or not math.isfinite((reached := theirs[data, split, main]).value):
                continue
            for gain in _better(main, "gain", mine[data, split, main], reached.value).values():
                found = (-gain, f"{reached.data_label} {split}")
                lost[data, split] = max(found, lost.get((data, split), found))
    if not sets:
        return {}
    high: dict[tuple[Digest, str], float] = {}
    by_head = set(lost)
    for one in measured:
        if one.lost is None or one.place not in sets:
            continue
        known = (one.lost.value, f"{one.data_label} {one.split}")
        lost[one.place] = max(known, lost.get(one.place, known))
        high[one.place] = max(one.lost.high, high.get(one.place, one.lost.high))
        by_head |= {one.place} if one.way is Way.HEAD else set()
    facts: dict[str, object] = {"sets": float(len(sets)), "unmeasured": float(len(sets - lost.keys()))}
    if lost:
        facts["worst"], facts["on"] = max(lost.values())
    if high:
        facts["by_probe"] = float(len(lost.keys() - by_head))
    if high.keys() == sets:
        facts["worst_high"] = max(high.values())
    return facts


def _better(metric: str, name: str, value: float, other: float) -> dict[str, float]:
    """What `value` is better by than `other`; nothing where the other's error is 0, of which no part can be saved."""
    if metric not in LESS_IS_BETTER:
        return {name: value - other}
    return {name: (other - value) / other} if other > 0 else {}
