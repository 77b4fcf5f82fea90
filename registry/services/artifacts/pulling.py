"""Pull: a version's files in a folder of their own, ready to load with stock tools and without Forebear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lineage import NodeKind
from registry.domain.catalog.models import VersionDetail
from registry.domain.catalog.statuses import Use, notice
from registry.domain.governance.reviews.waivers import carried
from registry.domain.manifests import Manifest
from registry.domain.names import Reference, VersionRef
from registry.domain.transfers.adapted import BASE, PIN, Pin, is_adapter
from registry.domain.verbs.catalog import PulledFiles, PullPlan, PullReport
from registry.errors import BadArtifactError
from registry.folders import new_folder, write_texts
from registry.services.artifacts.model_inputs import base_of
from registry.services.artifacts.storing import open_extents, write_files
from registry.services.context import Context
from registry.services.downloads import note
from registry.services.lookup import found, refuse_withheld

MAX_ANCESTORS = 100_000
"""Nodes of an ancestry that are looked through for waivers."""
MAX_PIN = 64 * 1024
"""Bytes of the file that names the parent of an adapter."""


def pull_plan(context: Context, detail: VersionDetail) -> PullPlan:
    """The payload, the card as README.md, and the one-file definition where stock tools have none.

    An adapter comes with its parent, in a folder of its own. Raises: RefusedError for one that is withheld,
    ParentChangedError, BadArtifactError.
    """
    ref = detail.summary.ref
    parts = tuple(_parts(context, detail, ""))
    readme = any(entry.path == "README.md" for entry in detail.files)
    appended = "" if readme or detail.card is None else detail.card.text
    if len(parts) > 1:
        appended += _about_parent(context, detail, parts[1])
    appended += _waived(context, ref)
    written = {}
    definition = context.plugins.definition(detail.architecture)
    if definition is not None:
        written[definition[0]] = definition[1].decode()
    warned = notice(ref, detail.summary.status, detail.status_reason, Use.READ)
    return PullPlan(ref, parts, written, {"README.md": appended} if appended else {}, warned)


def pull_model(context: Context, plan: PullPlan, folder: Path) -> PullReport:
    """Write what `plan` says into a new folder, which appears whole or not at all.

    Raises: ConflictError when it exists and is not empty, IntegrityError, NoSpaceError, UnavailableError.
    """
    with new_folder(folder) as staged:
        for part in plan.parts:
            write_files(context, part.ref, part.files, staged / part.folder)
        write_texts(staged, plan.written, plan.appended)
        files = sum(1 for path in staged.rglob("*") if path.is_file())
        with context.read() as uow:  # it may have been taken back while it was written
            for part in plan.parts:
                refuse_withheld(context, uow, found(uow.catalog.version(part.ref), part.ref).summary)
    for part in plan.parts:
        note(context, part.ref)
    return PullReport(plan.ref, folder, files, plan.size, plan.notice)


def _parts(context: Context, detail: VersionDetail, folder: str) -> Iterator[PulledFiles]:
    """The files of a version, and in folders beside each other those of the parents that it needs."""
    with context.read() as uow:
        refuse_withheld(context, uow, detail.summary)
    yield PulledFiles(detail.summary.ref, folder, tuple(detail.files))
    if is_adapter(detail.files):
        with context.read() as uow:
            step = base_of(context, detail)
            parent = found(uow.catalog.version(step.ref), step.ref)
        _pin(context, detail).check(Manifest.of(parent.files).digest)
        yield from _parts(context, parent, f"{folder}-{BASE}" if folder else BASE)


def _pin(context: Context, adapter: VersionDetail) -> Pin:
    """The parent that an adapter names in its files. Raises: BadArtifactError."""
    ref = adapter.summary.ref
    with context.read() as uow:
        extents = found(uow.catalog.extents(ref, PIN), f"file {PIN!r} in {ref}")
    with open_extents(context.blobs, extents) as stream:
        body = stream.read(MAX_PIN + 1)
    if len(body) > MAX_PIN:
        raise BadArtifactError(f"The file {PIN} of {Reference.to(ref)} is larger than {MAX_PIN:,} bytes")
    return Pin.read(body)


def _about_parent(context: Context, adapter: VersionDetail, parent: PulledFiles) -> str:
    """Lines for the README of an adapter: which parent lies beside it, and how to load both."""
    digest = Manifest.of(parent.files).digest
    code = _loading(context, adapter.architecture)
    told = f"\nThis is an adapter for {parent.ref.label} ({digest}), which lies in `{BASE}`."
    return told + (f" To load both: `{code}`.\n" if code else "\n")


def _waived(context: Context, ref: VersionRef) -> str:
    """Lines for the README: the gates that the version is excepted from now, and waivers that its ancestors carry."""
    now = context.clock.now()
    with context.read() as uow:
        granted = [one for one in uow.reviews.waivers_granted() if one.in_force(now)]
        if not granted:
            return ""  # the usual case, for which no ancestry is read
        ancestry = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
    labels = {one.node.label for one in ancestry.members if one.node.kind is NodeKind.MODEL}
    own = [f"Gate {one.gate} is {one}" for one in granted if one.ref == ref]
    others = [one for one in granted if one.ref != ref and one.ref.label in labels]
    lines = [f"- {sentence}" for sentence in (*own, *carried(others, now))]
    return "\n".join(("", "## Waivers", "", *lines, "")) if lines else ""


def _loading(context: Context, architecture: str) -> str:
    """The code that loads files of `architecture` with their parent, from the adapter that wrote them; else empty."""
    for offer in context.plugins.offers().values():
        for beginning, code in offer.loading_with_parent.items():
            if architecture.startswith(beginning):
                return code.format(kind=architecture.removeprefix(beginning), base=BASE)
    return ""
