"""A check of the sources of imported versions against what the Hub says of them now; what changed becomes a finding."""

from __future__ import annotations

from collections.abc import Sequence

from registry.domain.audit import Event
from registry.domain.governance.reviews.findings import Finding, Severity
from registry.domain.governance.upstream import MOST, Pinned, Upstream, UpstreamCheck, UpstreamNow, differences
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.people.people import Permission
from registry.errors import TooLargeError
from registry.services.context import Context
from registry.services.governance.reviews.findings import raise_by_registry
from registry.services.lookup import resolve
from registry.services.unit_of_work import UnitOfWork


def pin(context: Context, reference: Reference, source: str) -> Pinned:
    """Say where a version was imported from; see `UpstreamVerbs.pin`."""
    context.actor.require(Permission.EDIT)
    upstream = Upstream.parse(source)
    with context.write() as uow:
        ref = resolve(uow, model_only(reference))
        before = uow.catalog.source_of(ref)
        if before != str(upstream):
            uow.catalog.pin(ref, upstream)
        pinned = next(one for one in uow.catalog.pinned_to(upstream.repository) if one.ref == ref)
        if before != str(upstream):
            uow.commit(Event("upstream.pinned", str(ref), {"source": str(upstream), "before": before}))
    return pinned


def check(context: Context, answers: Sequence[UpstreamNow]) -> UpstreamCheck:
    """Raise what changed; see `UpstreamVerbs.check`. One transaction, and nothing is written where nothing is new."""
    context.actor.require(Permission.EDIT)
    if len(answers) > MOST:
        raise TooLargeError(f"{len(answers):,} repositories are given, and at most {MOST:,} are checked at once")
    events, raised, unused = list[Event](), list[Finding](), list[str]()
    versions, known = set[VersionRef](), 0
    with context.write() as uow:
        for now in answers:
            found = uow.catalog.pinned_to(now.id)
            unused += [] if found else [now.id]
            for pinned in found:
                versions.add(pinned.ref)
                texts = {one.text for one in uow.reviews.findings_about(pinned.ref)}
                for severity, text in differences(pinned, now):
                    if text in texts:
                        known += 1
                        continue
                    finding, written = _raise(uow, context, pinned, severity, text)
                    raised.append(finding)
                    events += written
        if events:
            uow.commit(*events)
    return UpstreamCheck(len(versions), raised, known, unused)


def _raise(
    uow: UnitOfWork, context: Context, pinned: Pinned, severity: Severity, text: str
) -> tuple[Finding, Sequence[Event]]:
    """For the owner of the model. The registry raises it: who runs the check cannot say by that that it is resolved."""
    owners, now = (pinned.owner, context.actor.handle), context.clock.now()
    return raise_by_registry(uow, pinned.ref, severity, text, owners=owners, now=now)
