"""How recalls look in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from registry.cli.printing import facts, heading, moment, say, table

if TYPE_CHECKING:
    from registry.domain.catalog.downloads import Download
    from registry.domain.governance.advisories import AdvisoryMatch
    from registry.domain.governance.recalls import Impact, Recall, RecallDetail, Reversal, Task


def show_impact(impact: Impact) -> None:
    """By effect, every version that is reached."""
    from registry.domain.governance.recalls import Effect

    for effect in Effect:
        hits = [hit for hit in impact.hits if hit.effect is effect]
        if not hits:
            continue
        heading(f"{effect.value.replace('-', ' ').capitalize()} ({len(hits)})")
        rows = [(h.ref, h.status, h.becomes, ", ".join(h.aliases), " → ".join(h.path)) for h in hits]
        table(("Version", "Status", "Becomes", "Aliases", "Way"), rows, empty="", drop=("Aliases",), prose="Way")
    for one in impact.aliases:
        where = f"falls back to {one.to}" if one.to is not None else "stops"
        facts("", {f"{one.ref.name}@{one.alias}": where})


def show_match(match: AdvisoryMatch) -> None:
    """What an advisory names, the versions that have it, and those that its weights are kin to."""
    one, hits = match.advisory, match.hits
    if one.digests:  # none where only weights were given
        facts(one.id, {"form": one.form, "digests named": len(one.digests), "found here": len(hits)})
    for hit in hits:
        heading(f"{hit.digest} ({len(hit.targets)}, and {hit.descendants} made from it)")
        table(("Version",), [(ref,) for ref in hit.targets], empty="")
        facts("", {"next": f"forebear recall preview {hit.digest} --level quarantine"})
    if match.kin:
        heading(f"Kin of the weights ({len(match.kin)})")
        rows = [(one.ref, one.relation, f"{one.shared:.0%}", one.reason) for one in match.kin]
        table(("Version", "Relation", "Same tensors", "Why"), rows, empty="", prose="Why")
        facts("", {"next": f"forebear recall preview {match.kin[0].ref} --level quarantine"})
    for note in match.notes:
        say(f"{note}.")


def show_recall(detail: RecallDetail) -> None:
    """One recall."""
    one = detail.recall
    ended = f"{moment(one.reversed_at)} by {one.reversed_by}: {one.reversed_reason}" if one.reversed_at else ""
    facts(
        one.id,
        {
            "target": one.target,
            "level": one.level,
            "state": one.state,
            "class": one.reason_class,
            "reason": one.reason,
            "opened": f"{moment(one.opened_at)} by {one.opened_by}",
            "versions taken back": one.targets,
            "descendants": one.tasks,
            "without a disposition": one.open_tasks,
            "reversed": ended,
        },
    )
    table(("Taken back",), [(ref,) for ref in detail.targets], empty="")


def show_recalls(recalls: Sequence[Recall]) -> None:
    """Recalls, one a line."""
    rows = [(r.id, r.state, r.level, r.target, f"{r.open_tasks} of {r.tasks}", moment(r.opened_at)) for r in recalls]
    columns = ("Recall", "State", "Level", "Target", "Open tasks", "Opened")
    table(columns, rows, empty="No recall found.", drop=("Opened",), prose="Target")


def show_task(task: Task) -> None:
    """One descendant."""
    now = datetime.now(UTC)
    facts(
        str(task.ref),
        {
            "recall": task.recall,
            "effect": task.effect,
            "way": " → ".join(task.path),
            "withheld": "yes" if task.withheld else "no",
            "disposition": task.disposition or ("deleted" if task.deleted else "none"),
            "settled": "yes" if task.settled(now) else "no",
            "comment": task.comment,
            "replacement": task.replacement,
            "until": moment(task.until) if task.until else "",
            "proposed by": task.proposed_by,
            "confirmed by": task.confirmed_by,
        },
    )


def show_downloads(downloads: Sequence[Download]) -> None:
    """Who read what, one a line."""
    rows = [
        (one.person, one.token or "on this machine", one.ref, moment(one.first_at), moment(one.last_at), one.reads)
        for one in downloads
    ]
    columns = ("Person", "Token", "Version", "First", "Last", "Reads")
    table(columns, rows, empty="Nobody read a file of it, as far as is recorded.")


def show_tasks(tasks: Sequence[Task]) -> None:
    """Descendants, one a line."""
    now = datetime.now(UTC)
    rows = [
        (
            t.ref,
            t.effect,
            t.disposition or ("deleted" if t.deleted else "none"),
            "yes" if t.settled(now) else "no",
            " → ".join(t.path),
        )
        for t in tasks
    ]
    columns = ("Version", "Effect", "Disposition", "Settled", "Way")
    table(columns, rows, empty="No task found.", prose="Way")


def show_reversal(done: Reversal) -> None:
    """What was restored, and what was not."""
    facts(done.recall.id, {"state": done.recall.state, "restored": len(done.restored), "left": len(done.left)})
    rows = [(ref, "has its earlier status") for ref in done.restored]
    rows += [(ref, "was changed since, or is under another recall") for ref in done.left]
    table(("Version", "What"), rows, empty="")
    for alias in done.aliases:
        facts("", {alias: "names again what it named"})
