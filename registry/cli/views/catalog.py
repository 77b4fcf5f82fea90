"""How models, versions, cards and the history are printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import facts, heading, hint, moment, out, plain, say, table, tell
from registry.cli.streams import write_document
from registry.cli.tables import Pieces
from registry.presenting.formats import counted, number, sentence, size

if TYPE_CHECKING:
    from rich.text import Text

    from registry.cli.collections import Imported, Member
    from registry.cli.other_registries import Planned
    from registry.domain.catalog.models import (
        AliasMove,
        AliasValue,
        CardRevision,
        HistoryEntry,
        ModelDetail,
        ModelSummary,
        VersionDetail,
        VersionSummary,
    )
    from registry.domain.data.datasets import DatasetVersionDetail, DatasetVersionSummary
    from registry.domain.paging import Page
    from registry.domain.verbs.catalog import PullReport
    from registry.domain.verbs.reviews import ReviewVerbs

NO_MODELS = "There are no models yet. Import one: forebear model import team/name PATH"
NO_MATCH = "No model matches; leave a condition out, or see them all: forebear model list"
STATUS_COLOURS = {"suspended": "yellow", "recalled": "bold red", "deprecated": "yellow", "archived": "dim"}
STAGE_COLOURS = {"production": "bold green", "validated": "cyan", "candidate": "blue", "retired": "dim"}


def say_published(version: VersionDetail, *, began: datetime) -> None:
    """What an import registered. A version older than `began` had been registered before."""
    summary = version.summary
    if summary.created_at < began:
        tell(f"Already registered as {summary.ref}; nothing changed")
    else:
        tell(f"Registered {summary.ref}: {version.architecture}, {size(summary.size)}, {summary.licence}")
    say(_dim(f"{summary.digest}"))
    for one in version.notes:
        note(sentence(one))
    hint(f"Next: forebear model show {summary.ref}")


def note_licence(licence: str) -> None:
    """Warn about a licence that is not an SPDX expression, while it is easily corrected."""
    from registry.domain.catalog.licences import licence_notes

    for one in licence_notes(licence):
        note(one)


def note_findings(reviews: ReviewVerbs, version: VersionDetail) -> None:
    """Warn about what was found to disagree when the version was registered."""
    from registry.domain.governance.reviews.findings import FindingState
    from registry.domain.names import Reference

    for one in reviews.findings(reference=Reference.to(version.summary.ref), state=FindingState.OPEN).items:
        note(f"Finding of severity {one.severity}: {one.text}")


def note_source(version: VersionDetail) -> None:
    """What was noted about a model that a step starts from, for example that its weights look untrained."""
    for one in version.notes:
        note(f"{version.summary.ref}: {one}")
    note_status(version)


def note_status(version: VersionDetail | DatasetVersionDetail) -> None:
    """That what a step starts from or trains on is deprecated."""
    from registry.domain.catalog.statuses import Use, notice

    if warned := notice(version.summary.ref, version.summary.status, version.status_reason, Use.START):
        note(warned)


def say_meant(text: str, meant: str) -> None:
    """That the models that follow are those of other words than were asked for."""
    tell(f"Nothing matches {text!r}. Showing {meant!r}")


def show_models(models: Sequence[ModelSummary], *, empty: str = NO_MODELS) -> None:
    """Registered models, one a line."""
    withheld = any(model.version is not None and model.version.status != "active" for model in models)
    rows = [
        (
            model.name,
            model.version.ref.number if model.version else None,
            model.task,
            stage(model.version.stage) if model.version else "–",
            *([status(model.version.status) if model.version else "–"] if withheld else []),
            model.version.licence if model.version else "–",
            _metrics(model.version.metrics if model.version else {}),
            moment(model.updated_at),
        )
        for model in models
    ]
    columns = ("Model", ">Version", "Task", "Stage", *(["Status"] if withheld else []), "Licence", "Metrics", "Changed")
    table(columns, rows, empty=empty, drop=("Changed", "Licence", "Task", "Metrics"))


def show_model(detail: ModelDetail, versions: Page[VersionSummary]) -> None:
    """A registered model: its description, aliases and newest versions."""
    model = detail.summary
    facts(
        str(model.name),
        {
            "description": model.description,
            "task": f"{model.task} ({model.modality})",
            "origin": model.origin,
            "owner": model.owner,
            "tags": model.tags,
            "changed": model.updated_at,
        },
    )
    if detail.aliases:
        heading("Aliases")
        show_aliases(detail.aliases)
    heading("Versions")
    show_versions(versions.items)
    if versions.next_cursor is not None:
        hint(f"There are {model.versions} in all: forebear model versions {model.name}")


def show_versions(versions: Sequence[VersionSummary]) -> None:
    """Versions of one model, one a line."""
    rows = [
        (
            version.ref.number,
            stage(version.stage),
            _state(version),
            ", ".join(version.aliases),
            version.method,
            _metrics(version.metrics),
            size(version.size),
            f"{moment(version.created_at)} by {version.created_by}",
        )
        for version in versions
    ]
    columns = (">Version", "Stage", "Status", "Aliases", "Method", "Metrics", ">Size", "Created")
    table(columns, rows, empty="There are no versions.", drop=("Created", "Size", "Method", "Metrics"))


def show_version(version: VersionDetail) -> None:
    """One version: everything but its bytes and its ancestry."""
    summary = version.summary
    facts(
        str(summary.ref),
        {
            "description": version.model.description,
            "digest": summary.digest,
            "stage": stage(summary.stage),
            "status": status_with_reason(version),
            "aliases": summary.aliases,
            "architecture": version.architecture,
            "task": f"{version.model.task} ({version.model.modality})",
            "licence": summary.licence,
            "origin": version.model.origin,
            "upstream": version.upstream,
            "created": f"{moment(summary.created_at)} by {summary.created_by}, {summary.method}, {version.step}",
            "parents": version.parents,
            "tags": version.tags,
            "notes": sentence("; ".join(version.notes)),
            "card": f"revision {version.card.number}" if version.card else "",
        },
    )
    if version.measured:
        heading("Measured")
        rows = [(m.name, m.value, m.role, m.data_label or m.data.short, m.split) for m in version.measured]
        table(("Metric", ">Value", "Role", "Data", "Split"), rows, empty="", drop=("Split", "Role"))
    heading("Files")
    files = [(entry.path, size(entry.size), entry.sha256.short) for entry in version.files]
    table(("Path", ">Size", "SHA-256"), files, empty="There are no files.", drop=("SHA-256",))


def show_aliases(aliases: Sequence[AliasValue | AliasMove]) -> None:
    """Aliases, or the places where one was."""
    rows = [
        (a.alias, a.ref or "removed", "yes" if a.protected else "", f"{moment(a.moved_at)} by {a.moved_by}")
        for a in aliases
    ]
    table(
        ("Alias", "Version", "Protected", "Moved"), rows, empty="The alias was never set.", drop=("Protected", "Moved")
    )


def say_pulled(report: PullReport) -> None:
    """What a pull wrote."""
    tell(f"Wrote {report.ref} to {report.folder}: {counted(report.files, 'file')}, {size(report.size)}")
    if report.notice:
        note(report.notice)


def say_status(version: VersionDetail | DatasetVersionDetail) -> None:
    """The new status of a version."""
    reason = f": {version.status_reason}" if version.status_reason else ""
    tell(f"{version.summary.ref} is now {version.summary.status}{reason}")


def show_card(revisions: Sequence[CardRevision]) -> None:
    """The newest card, as Markdown where a person reads it, else as its bytes."""
    if not revisions:
        hint("There is no card.")
        return
    newest = max(revisions, key=lambda revision: revision.number)
    if out().is_terminal:
        from rich.markdown import Markdown

        say(Markdown(newest.text))
    else:
        write_document(newest.text if newest.text.endswith("\n") else f"{newest.text}\n")


def show_revisions(revisions: Sequence[CardRevision]) -> None:
    """The revisions of a card, one a line."""
    rows = [(r.number, r.digest.short, f"{moment(r.written_at)} by {r.written_by}") for r in revisions]
    table((">Revision", "SHA-256", "Written"), rows, empty="There is no card.")


def show_history(entries: Sequence[HistoryEntry]) -> None:
    """Entries of the audit log, one a line."""
    rows = [(e.seq, moment(e.at), e.actor, e.action, e.subject, _short(e.detail)) for e in entries]
    table(
        (">#", "When", "Who", "Action", "Subject", "Detail"),
        rows,
        empty="There are no entries.",
        drop=("Detail", "Who"),
    )


def stage(name: str) -> Text:
    """A stage in its colour."""
    from rich.text import Text

    return Text(name, style=STAGE_COLOURS.get(name, ""))


def status(name: str) -> Text:
    """A status in its colour."""
    from rich.text import Text

    return Text(name, style=STATUS_COLOURS.get(name, ""))


def _state(version: VersionSummary | DatasetVersionSummary) -> Text:
    """Its status, and whether it is damaged, which is apart from it."""
    shown = status(version.status)
    return shown.append(", damaged", style="bold red") if version.damaged else shown


def status_with_reason(version: VersionDetail | DatasetVersionDetail) -> Text:
    """The status of a version, and why."""
    shown = _state(version.summary)
    return shown.append(f": {version.status_reason}") if version.status_reason else shown


def _metrics(metrics: Mapping[str, float]) -> Pieces:
    return Pieces([f"{name} {number(value)}" for name, value in list(metrics.items())[:3]])


def _short(detail: Mapping[str, object]) -> str:
    """The small facts of an entry; lists and objects are in the JSON."""
    shown = {key: value for key, value in detail.items() if not isinstance(value, Mapping | list | tuple)}
    text = ", ".join(
        f"{key}={_digest_short(plain(value))}" for key, value in shown.items() if value is not None and value != ""
    )
    return text if len(text) <= 120 else text[:119] + "…"


def _digest_short(text: str) -> str:
    return text[:19] if text.startswith("sha256:") else text


def _dim(text: str) -> Text:
    from rich.text import Text

    return Text(text, style="dim")


def show_members(found: Sequence[Member]) -> None:
    """The models of a folder in the order of their import."""
    rows = [(one.called, one.name or "", ", ".join(one.bases), one.why_not) for one in found]
    table(("Model", "Imported as", "Base models", "Why not"), rows, empty="No models.", prose="Why not")


def show_imported(done: Sequence[Imported]) -> None:
    """What became of each model of a folder."""
    rows = [(one.called, one.ref or "not imported", ", ".join(map(str, one.parents)), one.why_not) for one in done]
    tell(f"{counted(sum(one.ref is not None for one in done), 'model')} of {len(done)} are registered")
    table(("Model", "Version", "Made from", "Why not"), rows, empty="No models.", prose="Why not")
    for one in done:
        if one.ref is not None and one.elsewhere:
            note(f"{one.called} says that it is made from {', '.join(one.elsewhere)}, which was not imported")


def show_planned(plan: Sequence[Planned]) -> None:
    """The versions of another registry in the order of their import."""
    rows = [(one.version, one.name, ", ".join(one.version.standing), one.why_not) for one in plan]
    table(("Version", "Imported as", "Aliases and stage", "Why not"), rows, empty="No versions.", prose="Why not")
    show_not_taken(plan)


def show_not_taken(plan: Sequence[Planned]) -> None:
    """What is not taken over: what was decided about a version elsewhere, and tags that cannot be tags here."""
    from registry.cli.other_registries import left_out

    decided = [f"{one.version} is {', '.join(one.version.standing)}" for one in plan if one.version.standing]
    if decided:
        note(f"Aliases and stages are not taken over, request a promotion: {'; '.join(decided[:5])}")
    for one in plan:
        if odd := left_out(one.version):
            note(f"Tags of {one.version} that cannot be tags here are left out: {', '.join(odd)[:200]}")
