"""How an answer about the past looks in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.printing import facts, heading, moment, table, tell

if TYPE_CHECKING:
    from registry.domain.governance.reports.inventory import NamedThen
    from registry.domain.governance.reviews.past import AsOf, PastDecision


def show_as_of(found: AsOf) -> None:
    """One version at one moment."""
    named = f" was {found.ref.name}@{found.alias}, since {moment(found.alias_since)}" if found.alias_since else ""
    facts(
        f"{found.ref}{named}",
        {
            "as of": moment(found.at),
            "allowed": "yes" if found.allowed else "no",
            "why not": "; ".join(found.reasons),
            "stage": found.stage,
            "status": "deleted" if found.deleted else found.status,
        },
    )
    if found.decision is not None:
        _show_decision(found.decision)
        rows = [(one.ref, one.step, one.role, moment(one.made_at)) for one in found.made_from]
        heading("Made from it while it was approved")
        table(("Version", "Step", "As", "Made"), rows, empty="Nothing.", drop=("Step",))
        if not found.complete:
            tell(f"More was made from it than these {len(rows)}")


def show_named_then(found: Sequence[NamedThen]) -> None:
    """The versions of all models that had an alias at a moment."""
    rows = [
        (one.ref, moment(one.since), one.moved_by, one.stage, one.status, one.allowed, "; ".join(one.reasons))
        for one in found
    ]
    columns = ("Version", "Since", "By", "Stage", "Status", "Allowed", "Why not")
    table(columns, rows, empty="No model had a version with this alias then.", drop=("By", "Status"), prose="Why not")


def _show_decision(one: PastDecision) -> None:
    ended = f"{moment(one.ended_at)} ({one.ended_by})" if one.ended_at is not None else ""
    facts(
        f"Decision {one.request}",
        {
            "to": one.stage,
            "decided": moment(one.decided_at),
            "requested by": one.requested_by,
            "policy": f"{one.policy}, {one.policy_digest}",
            "risk tier": one.tier,
            "ended": ended,
        },
    )
    votes = [(v.value.value.replace("_", " "), v.voter, ", ".join(v.roles), moment(v.at), v.comment) for v in one.votes]
    table(("Vote", "By", "Roles", "When", "Comment"), votes, empty="Nobody voted.", prose="Comment")
    evidence = [(e.type, e.added_by, moment(e.added_at), e.digest.short) for e in one.evidence]
    table(("Evidence", "By", "When", "Digest"), evidence, empty="No evidence.")
    table(("Check", "Passed", "Result"), [(c.kind, c.passed, c.message) for c in one.checks], empty="", prose="Result")
