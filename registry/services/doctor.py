"""Checks of a registry folder and an installation."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib.metadata import packages_distributions

from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Problem
from registry.errors import AuditBrokenError, UsageError
from registry.services.artifacts.checking import last_report
from registry.services.audit.verbs import Audit
from registry.services.comparison.voiding import void_verdicts
from registry.services.context import Context
from registry.services.extras import extras, install_command, unmet
from registry.services.governance.reviews.due import overdue
from registry.services.notifications.mailing import server_of

OURS = ("lineage", "registry", "adapters", "forebear")
LOW_SPACE = 2 * 1024**3
MIRROR_DELAY = timedelta(minutes=10)
"""How long after its end a step should be in MLflow."""
_WHEN_MIRRORED = (
    "the next step copies it too; where processes end with the command that started them, set FOREBEAR_WARM_SECONDS=0"
)


def examine(context: Context) -> Sequence[Problem]:
    """Run every check; nothing is changed."""
    context.actor.require(Permission.READ)
    return [
        *_names(),
        *_extras(),
        *_home(context),
        *_mirror(context),
        *_audit(context),
        *_objects(context),
        *_verdicts(context),
        *_listings(context),
        *_graph(context),
        *_due(context),
        *_notifications(context),
    ]


def _names() -> Iterator[Problem]:
    """PyPI's `adapters` (AdapterHub) installs the same import name as ours."""
    owners = packages_distributions()
    for name in OURS:
        others = sorted(set(owners.get(name, [])) - {"forebear"})
        if others:
            message = f"{name!r} is also installed by {', '.join(others)}: give Forebear its own environment"
            yield Problem("error", "import-names", message)
        else:
            yield Problem("ok", "import-names", f"{name!r} is the module of Forebear")


def _extras() -> Iterator[Problem]:
    for extra, needed in extras().items():
        if problems := unmet(needed):
            message = f"{', '.join(problems)}. To use this extra: {install_command([extra])}"
            yield Problem("warning", f"extra-{extra}", message)
        elif needed:
            yield Problem("ok", f"extra-{extra}", "installed")


def _home(context: Context) -> Iterator[Problem]:
    free = shutil.disk_usage(context.home).free
    level = "ok" if free >= LOW_SPACE else "warning"
    yield Problem(level, "disk", f"{free / 1e9:.1f} GB free for {context.home}")
    mode = context.home.stat().st_mode
    if mode & 0o077:
        others = f"Other users of this machine may reach it (mode {mode & 0o777:04o})"
        yield Problem("warning", "home", f"{others}. To close it: chmod 700 {shlex.quote(str(context.home))}")
    if os.access(context.home, os.W_OK):
        yield Problem("ok", "home", f"{context.home} can be written")
    else:
        yield Problem("error", "home", f"{context.home} cannot be written by this user")


def _mirror(context: Context) -> Iterator[Problem]:
    with context.read() as uow:
        for step_id in uow.steps.unmirrored(20):
            step = uow.steps.get(step_id)
            if step is None:
                continue
            if step.mirror.state == "failing":
                yield Problem("warning", "mirror", f"{step_id} is not mirrored: {step.mirror.error}")
            elif step.summary.ended_at is not None and context.clock.now() - step.summary.ended_at > MIRROR_DELAY:
                yield Problem("warning", "mirror", f"{step_id} is not mirrored yet: {_WHEN_MIRRORED}")


def _audit(context: Context) -> Iterator[Problem]:
    try:
        report = Audit(context).verify(state=True)
    except AuditBrokenError as error:
        yield Problem("error", "audit", error.message)
        return
    if report.intact:
        yield Problem("ok", "audit", f"{report.entries} entries, head {report.head.short}")
    else:
        yield Problem("error", "audit", report.reason or "the audit chain does not verify")
    for difference in report.differences:
        yield Problem("error", "audit", difference)
    for warning in report.warnings:
        yield Problem("warning", "audit", warning)


def _objects(context: Context) -> Iterator[Problem]:
    """What is on record about the stored objects: they are only read by `store verify` and `doctor --deep`."""
    with context.read() as uow:
        report = last_report(uow)
    if report is None:
        yield Problem("warning", "objects", "The stored files were never verified: forebear store verify")
        return
    check = report.check
    done = f"{check.objects:,} of {check.total:,} objects" if check.ended_at is None else f"{check.objects:,} objects"
    when = f"{check.updated_at:%Y-%m-%d %H:%M} UTC"
    left = "; continue it: forebear store verify" if check.ended_at is None else ""
    yield Problem("ok" if not left else "warning", "objects", f"{done} verified, {when}{left}")
    for damage in report.damage:
        yield Problem("error", "objects", f"{damage}: forebear store repair --from BACKUP")


def _verdicts(context: Context) -> Iterator[Problem]:
    """Verdicts on transfers that do not count, and those that `forebear init --upgrade` has still to mark."""
    again = "Run its recipe again with --baselines"
    with context.read() as uow:
        for one in void_verdicts(context, uow):
            mark = "" if one.marked else ". Mark it with forebear init --upgrade"
            yield Problem("warning" if one.marked else "error", "verdicts", f"{one.sentence}{mark}. {again}")


def _due(context: Context) -> Iterator[Problem]:
    """Whether somebody does what comes due: the server, or cron."""
    late = overdue(context)
    if late:
        things = "thing was" if late == 1 else "things were"
        message = f"{late} {things} due and not done: run forebear serve, or call forebear tick from cron"
        yield Problem("warning", "due", message)


def _notifications(context: Context) -> Iterator[Problem]:
    """Whether messages were given up, and whether the mail server of the settings can be read."""
    with context.read() as uow:
        hooks, mails = uow.notifications.webhooks(), uow.mail.dead()
    for one in hooks:
        again = f"Try again: forebear webhook resume {one.id}"  # and no address: it is for admins
        if one.stopped_at is not None:
            yield Problem("warning", "notifications", f"The webhook {one.id} is stopped: it answered 410. {again}")
        elif one.dead:
            yield Problem("warning", "notifications", f"{one.dead:,} messages of {one.id} were given up. {again}")
    if mails:
        message = f"{mails:,} messages by e-mail were given up: forebear mail list --state dead"
        yield Problem("warning", "notifications", message)
    try:
        server_of(context.settings)
    except UsageError as error:
        yield Problem("error", "notifications", str(error))


def _listings(context: Context) -> Iterator[Problem]:
    """Whether searches and facets read what the models say."""
    with context.read() as uow:
        faults = uow.catalog.listing_faults()
    for table, count in faults.items():
        message = f"{count:,} rows of the table {table}, which searches read, are not what the models say"
        yield Problem("error", "search", f"{message}. To make them anew: forebear init --upgrade")
    if not faults:
        yield Problem("ok", "search", "Searches read what the models say")


def _graph(context: Context) -> Iterator[Problem]:
    """Up to where the compiled graph goes, and whether its edges are those of the table."""
    with context.read() as uow:
        state = uow.impact.state()
    if state is None:
        yield Problem("ok", "graph", "No graph is compiled; the first question about an impact compiles it")
        return
    held = f"{state.edges:,} edges up to edge {state.through:,}, {state.made_at:%Y-%m-%d %H:%M} UTC"
    if state.right:
        yield Problem("ok", "graph", f"Compiled: {held}; {state.newer:,} newer changes are read from the table")
    else:
        message = (
            f"The compiled graph ({held}) is not what the table of edges says, and answers about impacts are wrong"
        )
        yield Problem("error", "graph", f"{message}. To make it anew: forebear init --upgrade")
