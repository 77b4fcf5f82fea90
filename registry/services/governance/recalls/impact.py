"""What a recall reaches: the versions that its target means, and by kind of edge everything that was made from them."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from lineage import Digest, NodeKind
from lineage.flow import Flow, Link
from registry.domain.catalog.licences import licence_ids, normalise_licence
from registry.domain.catalog.models import RETIRED
from registry.domain.catalog.statuses import Use, allows
from registry.domain.governance.recalls import AliasFallback, Effect, Hit, Impact, NewRecall, becomes
from registry.domain.ids import is_id
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.people.teams import Sight
from registry.domain.transfers.ways import Ways, carried
from registry.errors import InvalidError, NotFoundError
from registry.services.governance.decisions import decisions
from registry.services.lookup import found, resolve
from registry.services.storage.recalls import Below, Mark
from registry.services.unit_of_work import UnitOfWork

MOST_TARGETS = 30_000
"""Versions that one target may mean; what was made from them has no limit."""
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_LICENCE, _STEP, _TOKEN = "licence:", "step-", "tok-"
_ORDER = tuple(Effect)


@dataclass(frozen=True, slots=True)
class Reach:
    """What a recall reaches, as it is written and as people see it."""

    impact: Impact
    marks: Sequence[Mark]


def reach(uow: UnitOfWork, wish: NewRecall, sight: Sight) -> Reach:
    """See `Impact`. Who sees nothing of what is reached is told what they are told of a target that is not here.

    Raises: NotFoundError when the target matches nothing, InvalidError, BadReferenceError.
    """
    targets = _targets(uow, wish.target)
    if not targets:
        raise _nothing(wish.target)
    if len(targets) > MOST_TARGETS:
        raise InvalidError(f"{wish.target!r} means {len(targets)} versions, and at most {MOST_TARGETS} can be recalled")
    reached = reach_from(uow, wish, targets)
    if sight.hidden and all(sight.hides(hit.ref.name.team) for hit in reached.impact.hits):
        text = wish.target.strip()
        if text.startswith(_STEP):
            found(None, text)  # in the words for a step that is not here
        raise _nothing(wish.target)
    return reached


def _nothing(target: str) -> NotFoundError:
    return NotFoundError(
        f"Nothing here matches {target[:120]!r}",
        remedy="Give a version, a digest as sha256:…, a step, licence:ID, or the id of a token (tok-…)",
    )


def reach_from(uow: UnitOfWork, wish: NewRecall, targets: Sequence[int]) -> Reach:
    """The same, for the nodes that the target means."""
    below = uow.recalls.below(targets)
    marks = list(_marks(below, targets, wish))
    labels = {node.id: node.label for node in below.nodes}
    kinds = {node.id: node.kind for node in below.nodes}
    hits = [
        Hit(
            ref=_ref(kinds[mark.node], labels[mark.node]),
            effect=mark.effect,
            path=tuple(labels[key] for key in mark.path),
            status=below.statuses[mark.node],
            becomes=mark.status or below.statuses[mark.node],
            aliases=tuple(name for name, _ in below.aliases.get(mark.node, ())),
        )
        for mark in marks
    ]
    return Reach(Impact(wish.target, wish.level, hits, tuple(_fallbacks(uow, below, marks, hits))), marks)


def _targets(uow: UnitOfWork, text: str) -> Sequence[int]:
    text = text.strip()
    if match := _DIGEST.fullmatch(text):
        digest = Digest(match[1])
        return uow.recalls.of_digests([digest]).get(digest, ())
    if is_id(text) and text.startswith(_STEP):
        found(uow.steps.get(text), text)
        return uow.recalls.of_step(text)
    if is_id(text) and text.startswith(_TOKEN):
        return uow.recalls.of_token(text)
    if text.startswith(_LICENCE):
        return _of_licence(uow, text.removeprefix(_LICENCE))
    reference = Reference.parse(text)
    if reference.number is None and reference.alias is None:
        return uow.recalls.of_model(f"{reference.kind}:/{reference.name}")
    return uow.recalls.of_refs([resolve(uow, reference)])


def _of_licence(uow: UnitOfWork, wanted: str) -> Sequence[int]:
    """Versions whose own licence is `wanted`, or names it among others."""
    exact, ids = normalise_licence(wanted), licence_ids(wanted)
    having = [one for one in uow.recalls.licences() if one == exact or (ids and ids <= licence_ids(one))]
    return uow.recalls.of_licences(having) if having else ()


def _marks(below: Below, targets: Sequence[int], wish: NewRecall) -> Iterator[Mark]:
    """The strongest effect on each live version with its shortest way, the targets first, then by effect and length."""
    flowed = Flow.of(_links(below), dict.fromkeys(targets, (Effect.TARGET,)), _becomes)
    chosen = set(targets)
    found_marks = []
    for key, status in below.statuses.items():
        marks = flowed.marks(key)
        effect = Effect.TARGET if key in chosen else next((one for one in _ORDER if one in marks), None)
        if effect is None:
            continue
        path = (key,) if key in chosen else flowed.path(key, effect)
        found_marks.append(Mark(key, effect, path, becomes(status, effect, wish)))
    yield from sorted(found_marks, key=lambda mark: (_ORDER.index(mark.effect), len(mark.path), mark.node))


def _links(below: Below) -> Iterator[Link]:
    """Each edge with what its effect depends on: the role of an input, and whether data came out of the step."""
    ways = Ways.of(below.nodes, below.edges)
    for edge in below.edges:
        into_step = ways.into_step(edge)
        yield Link(edge.source, edge.target, (into_step, edge.role, edge.target in ways.making_data))


def _becomes(way: Hashable, mark: str) -> str | None:
    into_step, role, makes_data = cast("tuple[bool, str, bool]", way)
    return carried(mark, role, makes_data=makes_data) if into_step else mark


def _fallbacks(uow: UnitOfWork, below: Below, marks: Sequence[Mark], hits: Sequence[Hit]) -> Iterator[AliasFallback]:
    """For each protected alias of what is withheld, the last clean version that it named by an approved promotion."""
    withheld = {hit.ref for hit, mark in zip(hits, marks, strict=True) if mark.status is not None}
    for hit, mark in zip(hits, marks, strict=True):
        if mark.status is None:
            continue
        for alias, protected in below.aliases.get(mark.node, ()):
            yield AliasFallback(alias, hit.ref, _last_clean(uow, hit.ref, alias, withheld) if protected else None)


def _last_clean(uow: UnitOfWork, ref: VersionRef, alias: str, withheld: set[VersionRef]) -> VersionRef | None:
    moves = uow.catalog.alias_history(ref.name, alias)
    for earlier in dict.fromkeys(move.ref for move in reversed(moves) if move.ref is not None and move.protected):
        if earlier in withheld:
            continue
        detail = uow.catalog.version(earlier)
        if detail is None or detail.summary.damaged or not allows(detail.summary.status, Use.ROLL_BACK):
            continue
        approved = any(one.alias == alias for one in decisions(uow, earlier))  # not in an emergency without a review
        if approved and detail.summary.stage != RETIRED:
            return earlier
    return None


def _ref(kind: NodeKind, label: str) -> VersionRef:
    name, _, number = label.rpartition("/")
    of = AssetKind.MODELS if kind is NodeKind.MODEL else AssetKind.DATASETS
    return VersionRef(of, Name(*name.split("/")), int(number))


def counts(impact: Impact) -> Mapping[str, int]:
    """How many versions have each effect, for the audit entry."""
    return {effect.value: number for effect in Effect if (number := impact.count(effect))}
