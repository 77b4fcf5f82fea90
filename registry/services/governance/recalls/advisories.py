"""Advisories from outside, matched against what is here by the digests that they name."""

from __future__ import annotations

from dataclasses import replace

from registry.domain.governance.advisories import AdvisoryMatch, match, read_advisory
from registry.domain.people.people import Permission
from registry.services.context import Context
from registry.services.governance.recalls.opening import preview


def match_advisory(context: Context, text: str) -> AdvisoryMatch:
    """See `RecallVerbs.advisory`."""
    context.actor.require(Permission.READ)
    found = match(read_advisory(text), lambda wish: preview(context, wish))
    with context.read() as uow:
        unread = uow.weights.missing(limit=1)
    if not unread:
        return found
    note = "Tensors of some versions are not known yet: forebear lineage identify, with any weights, reads them"
    return replace(found, notes=(*found.notes, note))
