"""What a reviewer sees beside a request: what differs from production, the state of ancestors, the policy's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lineage import Node, NodeKind
from registry.domain.catalog.models import PRODUCTION, VersionDetail
from registry.domain.codec import to_json
from registry.domain.comparison.records import verdict_of
from registry.domain.comparison.verdict import Facet, FacetName
from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.attestations import attested_stage, stage_of
from registry.domain.names import AssetKind, Reference
from registry.domain.transfers.steps import StepDetail
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError
from registry.presenting.policy_text import excerpts

MOST_ANCESTORS, MOST_ROWS = 40, 30
"""Ancestors, and differences of recipes, that are listed."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of both versions; None where one has none, or was measured on other data."""

    name: str
    data: str
    here: float | None
    there: float | None

    @property
    def change(self) -> float | None:
        """Here less there, where both were measured on the same rows."""
        return None if self.here is None or self.there is None else self.here - self.there


@dataclass(frozen=True, slots=True)
class Differences:
    """The version against the one that the protected alias names now."""

    other: VersionDetail
    metrics: Sequence[MetricRow]
    facet: Facet | None
    """Against production, with its interval, where the step compared both on the same rows."""
    facts: Sequence[tuple[str, str, str]]
    """What is otherwise: name, here, there."""
    recipe: Sequence[tuple[str, str, str]]
    """The same of the recipes, by key; the first of them."""


def against_production(registry: Registry, request: RequestDetail, version: VersionDetail) -> Differences | None:
    """None where nothing is in production, or this very version is."""
    ref = version.summary.ref
    alias = request.summary.alias or PRODUCTION
    try:
        other = registry.catalog.version(Reference(AssetKind.MODELS, ref.name, alias=alias))
    except NotFoundError:
        return None
    if other.summary.ref == ref:
        return None
    step, before = registry.transfers.step(version.step), registry.transfers.step(other.step)
    verdict = verdict_of(step.manifest, step.verdict_void)
    recipe = _unlike(dict(_flat(to_json(step.recipe))), dict(_flat(to_json(before.recipe))))
    return Differences(
        other,
        _metrics(version, other),
        verdict.facet(FacetName.PRODUCTION) if verdict is not None else None,
        _unlike(_facts(version, step), _facts(other, before)),
        recipe[:MOST_ROWS],
    )


def ancestors_of(registry: Registry, request: RequestDetail) -> tuple[Sequence[Node], int]:
    """Models and datasets that the version was made from, those that cannot be used first; and how many there are."""
    found = registry.lineage.show(str(request.summary.ref), up=-1, down=0, limit=500)
    others = [node for node in found.nodes if node.id != found.focus and node.kind is not NodeKind.STEP]
    others.sort(key=lambda node: (node.facts.get("status", "active") == "active", node.label))
    return others[:MOST_ANCESTORS], len(others)


def policy_words(registry: Registry, request: RequestDetail) -> Mapping[str, str]:
    """By `kind id` of a check, what the policy that judges this request says about it."""
    summary = request.summary
    source = "" if attested_stage(summary.to_stage) is not None else summary.from_stage
    words: dict[str, str] = {}
    for label in request.policy.split("+"):
        name, _, version = label.rpartition("/")
        with suppress(NotFoundError):
            text = registry.promotions.policy(name, int(version)).text
            for (kind, id_), written in excerpts(text, source, stage_of(summary.to_stage)).items():
                taken = f"{kind} {id_}" in words and kind == "gate"  # renamed where several policies apply together
                key = f"{kind} {name}-{id_}" if taken else f"{kind} {id_}"
                words[key] = "\n".join(filter(None, (words.get(key), written)))
    return words


def _metrics(version: VersionDetail, other: VersionDetail) -> list[MetricRow]:
    here = {(one.name, one.role, one.data, one.split): one for one in version.measured if one.role == "test"}
    there = {(one.name, one.role, one.data, one.split): one for one in other.measured if one.role == "test"}
    rows = []
    for key in sorted(here.keys() | there.keys(), key=str):
        mine, theirs = here.get(key), there.get(key)
        one = mine or theirs
        if one is not None:
            data = f"{one.data_label or one.data.short} ({one.split})"
            rows.append(MetricRow(one.name, data, mine.value if mine else None, theirs.value if theirs else None))
    return rows


def _facts(version: VersionDetail, step: StepDetail) -> dict[str, str]:
    data = (f"{one.ref.label} ({one.role})" for one in step.inputs if one.ref.kind is AssetKind.DATASETS)
    return {
        "Method": version.summary.method.replace("_", " "),
        "Architecture": version.architecture,
        "Licence": version.summary.licence,
        "Size": f"{version.summary.size:,} bytes",
        "Parents": ", ".join(sorted(parent.label for parent in version.parents)) or "none",
        "Data": ", ".join(sorted(data)) or "none",
    }


def _flat(value: object, above: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{above}.{key}" if above else str(key))
    else:
        yield above, str(value)


def _unlike(here: Mapping[str, str], there: Mapping[str, str]) -> list[tuple[str, str, str]]:
    names = [*here, *(name for name in there if name not in here)]
    return [(name, here.get(name, ""), there.get(name, "")) for name in names if here.get(name) != there.get(name)]
