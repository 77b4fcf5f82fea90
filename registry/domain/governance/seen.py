"""The seen state: everything on record that a verdict read besides files, lineage, policy and evidence.

A vote is bound to it as to those four. It holds each fact that a condition of the policy reads, with its value; the
statuses of all ancestors; and the version that the protected alias names. When any of it changes, the vote is stale.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping

from lineage import Digest
from registry.domain.governance.conditions.expressions import Expression
from registry.domain.governance.conditions.presence import Place, places_read
from registry.domain.governance.conditions.problems import Untold
from registry.domain.manifests import canonical_json

ANCESTORS, COMPARED, WAIVED = "ancestors", "compared", "waived"
MISSING = "missing"
LONGEST = 120
"""Characters of a value that are kept as they are; of a longer one, its digest."""
_BOUND_OTHERWISE = frozenset({"evidence", "params"})
"""Variables that the digests of the evidence and of the policy cover."""
MOST = 3
"""Changes that a sentence lists."""


def seen_state(
    conditions: Iterable[Expression], facts: Mapping[str, object], *, ancestors: Digest | None, compared: str | None
) -> dict[str, str]:
    """By name, what was read, as JSON: `{"lineage.recalled": "0", "compared": "models:/vision/digits/1"}`."""
    places = frozenset[Place]().union(*(places_read(condition.tree) for condition in conditions))
    read = {".".join(place): _written(facts, place) for place in places if place[0] not in _BOUND_OTHERWISE}
    extra = {ANCESTORS: str(ancestors)} if ancestors is not None else {}
    return {**read, **extra, **({COMPARED: compared} if compared is not None else {})}


def without_findings(seen: Mapping[str, str], severities: Iterable[str]) -> dict[str, str]:
    """`seen` as it was before one open finding of each of these severities was raised."""
    raised = Counter(map(str, severities))
    return {
        name: _before(name, text, raised) if name.split(".")[0] == "findings" else text for name, text in seen.items()
    }


def _before(name: str, text: str, raised: Mapping[str, int]) -> str:
    """One fact of the findings, as JSON, without those that were `raised`."""
    try:
        value = json.loads(text)
    except ValueError:  # it is missing
        return text
    way = name.split(".")[1:]
    if way[:1] not in ([], ["open"]):
        return text
    whole = {"open": {way[1]: value}} if len(way) == 2 else {"open": value} if way else value
    counts = {severity: count - raised.get(severity, 0) for severity, count in whole["open"].items()}
    before = counts[way[1]] if len(way) == 2 else counts if way else {**whole, "open": counts}
    return json.dumps(before, ensure_ascii=False, sort_keys=True)


def seen_digest(seen: Mapping[str, str]) -> Digest:
    """The digest that votes are bound to."""
    return Digest.of(canonical_json(dict(seen)))


def differences(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What has changed, for people: `lineage.recalled was 0 and is 1`."""
    if not then:
        return ["what the verdict read was not recorded with it"]
    changed = [name for name in sorted(then.keys() | now.keys()) if then.get(name) != now.get(name)]
    told = [_difference(name, then.get(name, MISSING), now.get(name, MISSING)) for name in changed[:MOST]]
    return told + ([f"{len(changed) - MOST} facts more have changed"] if len(changed) > MOST else [])


def _difference(name: str, then: str, now: str) -> str:
    if name == ANCESTORS:
        return "the status of an ancestor changed since"
    if name == WAIVED:
        before, after = ("none" if gates == MISSING else gates for gates in (then, now))
        return f"the gates that are waived for it were {before} and are {after}"
    if name == COMPARED:
        return f"the version to compare with was {then} and is {now}"
    return f"{name} was {then} and is {now}"


def _written(facts: Mapping[str, object], place: Place) -> str:
    value: object = facts
    for name in place:
        if not isinstance(value, Mapping) or name not in value:
            return MISSING
        value = value[name]
    if isinstance(value, Untold):
        return MISSING
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=_reason)
    return text if len(text) <= LONGEST else str(Digest.of(text.encode("utf-8", "surrogatepass")))


def _reason(value: object) -> str:
    """A fact within others that nobody can tell, as its reason."""
    return value.reason if isinstance(value, Untold) else str(value)
