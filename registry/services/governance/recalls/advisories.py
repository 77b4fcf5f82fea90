"""Advisories from outside, matched against what is here by the digests that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lineage import Digest
from registry.domain.governance.advisories import AdvisoryHit, AdvisoryMatch, read_advisory
from registry.domain.governance.recalls import Effect, Level, NewRecall
from registry.domain.people.people import Permission
from registry.domain.people.teams import Sight
from registry.services.context import Context
from registry.services.governance.recalls.impact import reach_from
from registry.services.unit_of_work import UnitOfWork

MOST_HITS = 100
"""Digests of one advisory for which it is counted what was made from the versions: each takes a walk of its own."""


def match_advisory(context: Context, text: str) -> AdvisoryMatch:
    """See `RecallVerbs.advisory`."""
    context.actor.require(Permission.READ)
    advisory = read_advisory(text)
    with context.read() as uow:
        found = uow.recalls.of_digests([Digest(one) for one in advisory.digests])
        sight = context.actor.sight
        if sight.hidden:
            found = _visible(uow, found, sight)
        hits = [_hit(uow, digest, keys, sight) for digest, keys in list(found.items())[:MOST_HITS]]
        unread = uow.weights.missing(limit=1)
    return AdvisoryMatch(advisory, hits, notes=tuple(_notes(len(found), unread=bool(unread))))


def _visible(uow: UnitOfWork, found: Mapping[Digest, Sequence[int]], sight: Sight) -> Mapping[Digest, Sequence[int]]:
    """Only the versions that the person sees, before anything is counted."""
    below = uow.recalls.below(sorted({key for keys in found.values() for key in keys}))
    seen = {node.id for node in below.nodes if not sight.hides(node.label.partition("/")[0])}
    return {digest: mine for digest, keys in found.items() if (mine := [key for key in keys if key in seen])}


def _hit(uow: UnitOfWork, digest: Digest, keys: Sequence[int], sight: Sight) -> AdvisoryHit:
    reached = reach_from(uow, NewRecall(str(digest), Level.ADVISORY), keys).impact.hits
    hits = [hit for hit in reached if not sight.hides(hit.ref.name.team)]
    targets = [hit.ref for hit in hits if hit.effect is Effect.TARGET]
    return AdvisoryHit(str(digest), targets, len(hits) - len(targets))


def _notes(found: int, *, unread: bool) -> Iterator[str]:
    if found > MOST_HITS:
        yield f"{found:,} of the digests are found here, and the first {MOST_HITS} are listed: look up the others alone"
    if unread:
        yield "Tensors of some versions are not known yet: forebear lineage identify, with any weights, reads them"
