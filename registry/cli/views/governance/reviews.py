"""How the inbox, findings and waivers look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import facts, heading, moment, table, tell
from registry.domain.governance.reviews.waivers import carried

if TYPE_CHECKING:
    from rich.text import Text

    from registry.domain.governance.reviews.attestations import Attestation
    from registry.domain.governance.reviews.bypasses import Emergency
    from registry.domain.governance.reviews.findings import Finding, FindingState
    from registry.domain.governance.reviews.inbox import Inbox
    from registry.domain.governance.reviews.ticks import TickReport
    from registry.domain.governance.reviews.waivers import Waiver, Waivers

COLOURS = {"open": "yellow", "overdue": "bold red", "resolved": "green"}


def show_finding(finding: Finding) -> None:
    """One finding."""
    resolved = f"{moment(finding.resolved_at)} by {finding.resolved_by}" if finding.resolved_at else ""
    facts(
        finding.id,
        {
            "version": finding.ref,
            "request": finding.request or "",
            "finding": finding.text,
            "severity": finding.severity,
            "state": _state(finding.state(datetime.now(UTC))),
            "owner": finding.owner,
            "due": moment(finding.due_at),
            "raised": f"{moment(finding.raised_at)} by {finding.raised_by}",
            "resolved": resolved,
            "how": finding.resolution,
        },
    )


def show_findings(findings: Sequence[Finding]) -> None:
    """Findings, one a line."""
    now = datetime.now(UTC)
    rows = [(f.id, f.ref, f.severity, _state(f.state(now)), f.owner, moment(f.due_at), f.text) for f in findings]
    columns = ("Finding", "Version", "Severity", "State", "Owner", "Due", "Text")
    table(columns, rows, empty="No finding found.", drop=("Owner", "Due"), prose="Text")


def show_attestations(held: Sequence[Attestation]) -> None:
    """Until when approvals last, one a line."""
    rows = [
        (
            one.ref,
            one.stage,
            moment(one.due_at) if one.due_at is not None else "when something asks for it",
            _lapse(one),
            one.request,
            one.cause,
        )
        for one in held
    ]
    columns = ("Model", "Stage", "Approved until", "Suspended", "Approved by", "Asked for because")
    table(columns, rows, empty="No approval has an end.", drop=("Approved by",), prose="Asked for because")


def _lapse(one: Attestation) -> str:
    if one.lapsed_at is not None:
        return f"lapsed {moment(one.lapsed_at)}"
    return moment(one.lapses_at) if one.lapses_at is not None else ""


def show_waiver(waiver: Waiver) -> None:
    """One waiver."""
    facts(
        waiver.id,
        {
            "model": waiver.ref,
            "gate": waiver.gate,
            "state": waiver.state(datetime.now(UTC)),
            "until": moment(waiver.until_at),
            "reason": waiver.reason,
            "asked": f"{moment(waiver.asked_at)} by {waiver.asked_by}",
            "approved": ", ".join(one.person for one in waiver.approvals),
            "needed": f"{len(waiver.approvals)} of {waiver.quorum} approvals",
            "ended": f"{moment(waiver.ended_at)} by {waiver.ended_by}" if waiver.ended_at else "",
        },
    )


def show_waivers(waivers: Waivers) -> None:
    """Waivers, one a line, and a sentence for each that an ancestor carries."""
    now = datetime.now(UTC)
    rows = [
        (w.id, w.ref, w.gate, w.state(now), moment(w.until_at), f"{len(w.approvals)} of {w.quorum}", w.reason)
        for w in waivers.own
    ]
    columns = ("Waiver", "Model", "Gate", "State", "Until", "Approvals", "Reason")
    table(columns, rows, empty="There is no waiver.", drop=("Approvals",), prose="Reason")
    for sentence in carried(waivers.ancestors, now):
        note(sentence)


def _reviewers(one: Emergency) -> str:
    if one.effective_at is None:
        return ""
    who = ", ".join(given.person for given in one.reviews if given.counts) or "nobody"
    return f"{who} ({one.counted} of {one.quorum})"


def show_emergencies(emergencies: Sequence[Emergency]) -> None:
    """Emergencies, one a line."""
    rows = [
        (
            one.id,
            one.ref,
            one.incident,
            one.state,
            f"{', '.join(one.wanted_by)} ({len(one.wanted_by)} of {one.needed})" if one.needed > 1 else one.by,
            moment(one.due_at),
            _reviewers(one),
        )
        for one in emergencies
    ]
    columns = ("Emergency", "Model", "Incident", "State", "By", "Due", "Reviewed by")
    table(columns, rows, empty="There was no emergency.", drop=("By", "Incident"))


def show_inbox(inbox: Inbox) -> None:
    """Three lists."""
    for title, items in (
        ("Waiting for me", inbox.waiting),
        ("Went stale", inbox.stale),
        ("My requests", inbox.mine),
    ):
        heading(f"{title} ({len(items)})")
        rows = [(one.id, one.title, one.detail, moment(one.since)) for one in items]
        table(("Id", "What", "Detail", "Since"), rows, empty="Nothing.", drop=("Since",), prose="Detail")
    if not inbox.complete:
        note("More requests are open than were looked at")


def show_tick(report: TickReport) -> None:
    """What was due, one a line."""
    for one in report.settled:
        tell(one.message)
    if not report.settled:
        tell("Nothing was due")


def _state(state: FindingState) -> Text:
    from rich.text import Text

    return Text(state.value, style=COLOURS[state.value])
