"""How trials, differences and replays of policies look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import facts, heading, say, table, tell
from registry.cli.views.governance.promotions import check_line

if TYPE_CHECKING:
    from registry.domain.governance.replays import ChangedTerm, Explanation, PolicyTrial


def show_trial(trial: PolicyTrial) -> None:
    """What a policy would have decided otherwise."""
    tell(f"Tried {trial.policy} on {trial.judged} decisions: {len(trial.differences)} differ")
    rows = [(one.subject, one.target, one.before, one.after, "; ".join(one.reasons)) for one in trial.differences]
    table(("Subject", "To", "Before", "With this policy", "Why"), rows, empty="No difference.", prose="Why")
    if not trial.complete:
        note("There are more decisions than were judged")


def show_changes(changes: Sequence[ChangedTerm]) -> None:
    """Where two policies differ, one place a line."""
    rows = [(one.place, one.before or "(not there)", one.after or "(not there)") for one in changes]
    table(("Place", "Before", "After"), rows, empty="No difference.", prose="After")


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
