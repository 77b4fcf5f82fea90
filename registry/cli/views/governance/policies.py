"""How trials, differences and replays of policies look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import facts, heading, moment, say, table, tell
from registry.cli.views.governance.promotions import check_line

if TYPE_CHECKING:
    from registry.domain.governance.policies.changes import PolicyReach, PolicyRevision
    from registry.domain.governance.replays import ChangedTerm, Explanation, PolicyTrial


def show_trial(trial: PolicyTrial) -> None:
    """What a policy would have decided otherwise."""
    tell(f"Tried {trial.policy} on {trial.judged} decisions: {len(trial.differences)} differ")
    rows = [(one.subject, one.target, one.before, one.after, "; ".join(one.reasons)) for one in trial.differences]
    table(("Subject", "To", "Before", "With this policy", "Why"), rows, empty="No difference.", prose="Why")
    if not trial.complete:
        note("There are more decisions than were judged")


def show_cases(trial: PolicyTrial) -> None:
    """The written cases that came out otherwise."""
    tell(f"Tried {trial.policy} on {trial.judged} cases: {len(trial.differences)} came out otherwise")
    rows = [(one.subject, one.target, one.before, one.after, "; ".join(one.reasons)) for one in trial.differences]
    table(("Case", "To", "Expected", "Came out", "Why"), rows, empty="Every case came out as written.", prose="Why")


def show_changes(changes: Sequence[ChangedTerm]) -> None:
    """Where two policies differ, one place a line."""
    rows = [(one.place, one.before or "(not there)", one.after or "(not there)") for one in changes]
    table(("Place", "Before", "After"), rows, empty="No difference.", prose="After")


def show_history(revisions: Sequence[PolicyRevision]) -> None:
    """The versions of a policy, each with what it changed."""
    for one in revisions:
        policy = one.policy
        heading(f"{policy.name} version {policy.version}")
        say(f"Published {moment(policy.published_at)} by {policy.published_by} ({policy.digest.short})")
        if one is not revisions[-1]:
            show_changes(one.changes)


def show_reach(reach: PolicyReach) -> None:
    """Which versions a policy judges, and the policies beside, under and over it."""
    tell(f"Policy {reach.policy} judges {len(reach.judges)} of {reach.looked_at} versions")
    for what, others in (
        ("Judges together with", reach.beside),
        ("Shadows", reach.shadows),
        ("Is shadowed by", reach.shadowed_by),
    ):
        for name, many in others.items():
            say(f"{what} {name} for {many} {'version' if many == 1 else 'versions'}")
    for ref in reach.untold:
        note(f"It is unknown whether it applies to {ref}")
    if not reach.complete:
        note("There are more versions than were looked at")


def show_explanation(found: Explanation) -> None:
    """A decision: what it read, every check, and whether the replay gives the same."""
    facts(
        found.summary.id,
        {
            "model": found.summary.ref,
            "stage": f"{found.summary.from_stage} → {found.summary.to_stage}",
            "state": found.summary.state,
            "decided": found.decided_at,
            "policy": f"{found.policy} ({found.policy_digest.short})",
            "stored case": found.case,
        },
    )
    heading("Checks, judged again")
    for check in found.replayed.checks:
        say(check_line(check.passed, check.message))
    heading("Facts that the policy read")
    table(("Fact", "Value"), sorted(found.read.items()), empty="None.", prose="Value")
    if found.same:
        tell("The replay gives the stored verdict")
    else:
        note("The replay does not give the stored verdict: forebear audit verify --state")
