"""How requests, verdicts, evidence and policies look in a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import facts, heading, hint, moment, plain, say, table, tell

if TYPE_CHECKING:
    from rich.text import Text

    from registry.domain.governance.policies.changes import PolicyProposal
    from registry.domain.governance.policies.evidence_types import EvidenceType
    from registry.domain.governance.promotion import (
        AddedEvidence,
        EvidenceValue,
        PolicyValue,
        RequestDetail,
        RequestSummary,
        VoteEntry,
    )

STATE_COLOURS = {"open": "yellow", "promoted": "bold green", "rejected": "bold red", "withdrawn": "dim"}


def show_request(request: RequestDetail) -> None:
    """A request with its verdict: every check, and what to do next."""
    summary = request.summary
    facts(
        summary.id,
        {
            "model": summary.ref,
            "stage": f"{summary.from_stage} → {summary.to_stage}"
            + (f", alias {summary.alias}" if summary.alias else ""),
            "state": _state(summary.state),
            "requested": f"{moment(summary.requested_at)} by {summary.requested_by}",
            "comment": summary.comment,
            "policy": f"{request.policy} ({request.policy_digest.short})",
            "closed": summary.closed_at,
            "overruled": summary.overruled_at,
        },
    )
    heading("Verdict")
    for check in request.verdict.checks:
        say(check_line(check.passed, check.message))
    if not request.verdict.checks:
        say(check_line(False, request.verdict.reasons[0]))
    if request.votes:
        heading("Votes")
        table(("Person", "Roles", "Vote", "When", "Comment"), [_vote(vote) for vote in request.votes], empty="")
    if request.evidence:
        heading("Evidence")
        show_evidence(request.evidence)
    for warning in request.warnings:
        note(warning)
    if summary.state == "open":
        _say_what_is_next(request)


def _say_what_is_next(request: RequestDetail) -> None:
    """How many checks failed, who can approve, and with which command."""
    missing, total = len(request.verdict.reasons), len(request.verdict.checks)
    hint(f"\n{total - missing} of {total} checks passed.")
    for kind, people in request.suppliers.items():
        hint(f"Can add {kind} evidence: {', '.join(people) if people else 'the registry records it itself'}")
    for role, people in request.voters.items():
        hint(f"Can approve as {role}: {', '.join(people) if people else 'nobody else'}")
    hint(f"To vote: forebear --as PERSON promote approve {request.summary.id}")


def show_checked(policy: PolicyValue, message: str) -> None:
    """What became of a policy file, with what the people of this registry cannot fulfil."""
    tell(message)
    for warning in policy.warnings:
        note(warning)


def show_requests(requests: Sequence[RequestSummary]) -> None:
    """Requests, one a line."""
    rows = [
        (
            request.id,
            request.ref,
            request.from_stage,
            request.to_stage,
            _state(request.state, request.stale_votes),
            f"{moment(request.requested_at)} by {request.requested_by}",
            request.comment,
        )
        for request in requests
    ]
    columns = ("Request", "Model", "From", "To", "State", "Requested", "Comment")
    table(columns, rows, empty="No promotion request found.", drop=("Comment", "Requested", "From"))


def show_added(evidence: AddedEvidence) -> None:
    """What was added, and what follows from it for votes."""
    tell(f"Added {evidence.type} evidence {evidence.id} about {evidence.ref}")
    for warning in evidence.warnings:
        note(warning)


def show_types(types: Sequence[EvidenceType]) -> None:
    """Types of evidence, one a line, with the fields of their forms."""
    rows = [(kind.name, kind.form or "any facts, any file") for kind in types]
    empty = "The policy takes no evidence about this version from you."
    table(("Type", "Fields"), rows, empty=empty, prose="Fields")


def show_evidence(evidence: Sequence[EvidenceValue]) -> None:
    """Evidence, one a line."""
    rows = [
        (e.id, e.type, _facts(e.body), e.file_name or "", e.digest.short, f"{moment(e.added_at)} by {e.added_by}")
        for e in evidence
    ]
    columns = ("Evidence", "Type", "Facts", "File", "SHA-256", "Added")
    table(columns, rows, empty="There is no evidence.", drop=("SHA-256", "File", "Added"))


def show_proposals(proposals: Sequence[PolicyProposal]) -> None:
    """Proposed policies, one a line."""
    rows = [
        (p.id, f"{p.name}/{p.version}", p.state, f"{moment(p.proposed_at)} by {p.proposed_by}", p.digest.short)
        for p in proposals
    ]
    columns = ("Proposal", "Policy", "State", "Proposed", "SHA-256")
    table(columns, rows, empty="No policy was proposed.", drop=("SHA-256",))


def show_proposal(proposal: PolicyProposal) -> None:
    """A proposed policy: whether it is in force, who has to agree, and what it would change."""
    name = f"policy {proposal.name} version {proposal.version} ({proposal.digest.short})"
    for warning in proposal.warnings:
        note(warning)
    if proposal.state == "published":
        tell(f"Published {name}")
        return
    if proposal.state != "open":
        tell(f"{proposal.id}: {name} was {proposal.state}")
        return
    tell(f"{proposal.id} proposes {name}; it is not in force yet")
    for need in proposal.needs:
        who = ", ".join(need.voters) or f"nobody yet; grant one of the roles: {', '.join(need.roles)}"
        say(check_line(need.met, f"{need.policy}: {len(need.approved)} of {need.quorum} approvals; can approve: {who}"))
    if proposal.votes:
        heading("Votes")
        rows = [(vote.voter, vote.value, moment(vote.at), vote.comment) for vote in proposal.votes]
        table(("Person", "Vote", "When", "Comment"), rows, empty="")
    heading("Versions that would be judged otherwise")
    effects = [(e.ref, e.before or "none", e.after or "none", "; ".join(e.changes)) for e in proposal.effects]
    table(("Version", "Policy", "Then", "Changes"), effects, empty="None.", prose="Changes")
    if not proposal.complete:
        note("There are more versions than were judged")
    hint(f"To vote: forebear --as PERSON policy approve {proposal.id}")


def show_policies(policies: Sequence[PolicyValue]) -> None:
    """Policies, one a line."""
    rows = [(p.name, p.version, p.digest.short, f"{moment(p.published_at)} by {p.published_by}") for p in policies]
    table(
        ("Policy", ">Version", "SHA-256", "Published"), rows, empty="There are no policies, so nothing can be promoted."
    )


def show_policy(policy: PolicyValue) -> None:
    """The text as it was published, byte for byte."""
    sys.stdout.write(policy.text if policy.text.endswith("\n") else f"{policy.text}\n")
    hint(f"{policy.name} version {policy.version}, {policy.digest}")


def _facts(body: Mapping[str, object]) -> str:
    """The first facts; all of them are in the JSON."""
    text = plain(body)
    return text if len(text) <= 60 else f"{text[:59]}…"


def check_line(passed: bool, message: str) -> Text:
    """One check with its mark."""
    from rich.text import Text

    mark = Text("  ✓ ", style="green") if passed else Text("  ✗ ", style="bold red")
    return mark.append(message, style="not bold default")


def _state(state: str, stale_votes: Sequence[str] = ()) -> Text:
    from rich.text import Text

    stale = f" (stale: {', '.join(stale_votes)})" if stale_votes else ""
    return Text(state, style=STATE_COLOURS.get(state, "")).append(stale, style="not bold yellow")


def _vote(vote: VoteEntry) -> tuple[object, ...]:
    value = f"{vote.value}{' (stale)' if vote.stale else ''}"
    return vote.voter, ", ".join(vote.roles), value, moment(vote.at), vote.comment
