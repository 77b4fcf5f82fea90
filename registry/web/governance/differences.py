"""What a reviewer sees beside a request: what differs from production, the state of ancestors, the policy's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from lineage import Node, NodeKind
from registry.domain.catalog.models import PRODUCTION, VersionDetail
from registry.domain.comparison.records import verdict_of
from registry.domain.comparison.verdict import Facet, FacetName
from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.attestations import attested_stage, stage_of
from registry.domain.names import AssetKind, Reference
from registry.domain.verbs.catalog import VersionDifference
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError
from registry.presenting.differences import rows
from registry.presenting.policy_text import excerpts

MOST_ANCESTORS, MOST_ROWS = 40, 30
"""Ancestors, and differences, that are listed."""


@dataclass(frozen=True, slots=True)
class Differences:
    """The version against the one that the protected alias names now: what is on record of both, no file read."""

    found: VersionDifference
    """From that one to this version."""
    facet: Facet | None
    """Against production, with its interval, where the step compared both on the same rows."""
    rows: Sequence[tuple[str, str, str, str]]
    """What is otherwise: part, name, there, here; the first of them."""


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
    step = registry.transfers.step(version.step)
    verdict = verdict_of(step.manifest, step.verdict_void)
    found = registry.catalog.difference(Reference.to(other.summary.ref), Reference.to(ref), weights=False)
    return Differences(
        found, verdict.facet(FacetName.PRODUCTION) if verdict is not None else None, rows(found)[:MOST_ROWS]
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
