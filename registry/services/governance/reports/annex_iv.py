"""Fills Annex IV for one version from what is recorded: the card, the manifest, the ancestry, evidence, decisions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lineage import NodeKind
from registry.domain.catalog.models import HistoryEntry, VersionDetail
from registry.domain.governance.case import INTENDED_USE
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.governance.reports.annex_iv import ASKED, EVIDENCE, AnnexIv, Asked, Fact, Point
from registry.domain.governance.reviews.findings import Finding
from registry.domain.governance.reviews.past import PROMOTED
from registry.domain.names import Reference
from registry.domain.paging import every
from registry.domain.recipes.methods import DATA_ROLES, TEST, VALIDATION, split_role
from registry.services.context import Context
from registry.services.governance.decisions import decided_case
from registry.services.governance.dossier import MAX_ANCESTORS
from registry.services.governance.recorded_evidence import recorded_evidence
from registry.services.lookup import found, resolve
from registry.services.storage.governance import VersionRecord
from registry.services.storage.lineage import AncestryRecord
from registry.services.unit_of_work import UnitOfWork

_LISTED = 200
"""Ancestors and changes that are named one by one."""
_CHANGES = ("model_version.", "alias.", "card.", "promotion.decided", "promotion.revoked")
_HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


@dataclass(frozen=True, slots=True)
class _Material:
    """Everything that is read about the version."""

    record: VersionRecord
    detail: VersionDetail
    evidence: Sequence[EvidenceValue]
    ancestry: AncestryRecord
    changes: Sequence[HistoryEntry]
    findings: Sequence[Finding]
    votes: Sequence[Fact]

    @property
    def manifest(self) -> Mapping[str, object]:
        return self.record.step.manifest or {}

    def part(self, name: str) -> Mapping[str, object]:
        """A part of the manifest; empty where it has none."""
        part = self.manifest.get(name)
        return part if isinstance(part, Mapping) else {}


def annex_iv(context: Context, reference: Reference) -> AnnexIv:
    """See `ReportVerbs.annex_iv`."""
    with context.read() as uow:
        material = _read(context, uow, reference)
    points = tuple(
        Point(number, title, tuple(_asked(material, number, text) for text in asked)) for number, title, asked in ASKED
    )
    return AnnexIv(material.record.ref, material.record.digest, context.clock.now(), points)


def _read(context: Context, uow: UnitOfWork, reference: Reference) -> _Material:
    ref = resolve(uow, reference)
    record = found(uow.governance.version(ref), ref)
    history = list(every(lambda page: uow.audit.search(subject=str(ref), page=page)))
    return _Material(
        record=record,
        detail=found(uow.catalog.version(ref), ref),
        evidence=(*recorded_evidence(record), *uow.governance.evidence(ref)),
        ancestry=found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref),
        changes=[one for one in reversed(history) if one.action.startswith(_CHANGES)],
        findings=uow.reviews.findings_about(ref),
        votes=[*_votes(context, uow, history)],
    )


def _votes(context: Context, uow: UnitOfWork, history: Sequence[HistoryEntry]) -> Iterator[Fact]:
    """Who approved the promotion into the present stage."""
    promoted = next((one for one in history if one.action == PROMOTED), None)
    if promoted is None:
        return
    request = str(promoted.detail["request"])
    for vote in decided_case(uow, context.blobs, request).votes:
        comment = f": {vote.comment}" if vote.comment else ""
        words = f"{vote.voter} ({', '.join(vote.roles)}), {vote.at:%Y-%m-%d %H:%M} UTC{comment}"
        yield Fact(vote.value.value.replace("_", " "), words, f"decision {request}")


def _asked(material: _Material, number: str, text: str) -> Asked:
    facts = [*_FINDERS[text](material)] if text in _FINDERS else []
    facts += _quoted(material, _SECTIONS.get(text, ()))
    wanted = EVIDENCE + re.sub(r"[()]", "", number)
    facts += [_told(one) for one in material.evidence if one.type == wanted]
    return Asked(text, tuple(facts))


def _told(one: EvidenceValue) -> Fact:
    words = one.body.get("text")
    value = str(words) if isinstance(words, str) else _shown(one.body)
    file = f", file {one.file_name}" if one.file_name else ""
    return Fact(one.type, value, f"evidence {one.id} by {one.added_by}, {one.added_at:%Y-%m-%d}{file}")


def _quoted(material: _Material, headings: Sequence[str]) -> Iterator[Fact]:
    """The sections of the card under one of these headings."""
    card = material.record.card
    if card is None or not headings:
        return
    title, body = "", list[str]()
    for line in (*card.text.splitlines(), "# end"):
        heading = _HEADING.match(line)
        if heading is None:
            body.append(line)
            continue
        words = "\n".join(body).strip()
        if words and any(one in title.lower() for one in headings):
            yield Fact(f"Section {title!r}", words, f"card, revision {card.number} by {card.written_by}")
        title, body = heading[1], []


_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "Intended purpose": ("intended use", "direct use", "purpose"),
    "How the system interacts with what is not part of it": ("integration", "downstream use"),
    "Description of that hardware": ("hardware requirements", "intended hardware"),
    "Instructions for the deployer": ("how to use", "usage", "get started", "instructions"),
    "Key design choices with their rationale and assumptions": ("design", "model description", "assumptions"),
    "Decisions about trade-offs": ("trade-off",),
    "How the data was obtained and selected": ("training data", "data collection"),
    "Labelling procedures": ("label", "annotation"),
    "Cleaning of the data": ("preprocessing", "data cleaning"),
    "Assessment of the measures needed by Article 14": ("human oversight",),
    "Human oversight measures": ("human oversight",),
    "Potentially discriminatory impacts": ("bias", "fairness"),
    "Measures put in place": ("security",),
    "Capabilities and limitations, and accuracy for specific groups of persons": ("limitation", "out-of-scope"),
    "Foreseeable unintended outcomes and sources of risk": ("risk", "misuse"),
    "Specifications of input data": ("input",),
    "Why the metrics are appropriate for this system": ("metrics",),
    "The system to evaluate performance after placing on the market, and its plan": ("monitoring",),
}
"""By what is asked, the words in a heading of the card whose section answers it."""


def _purpose(material: _Material) -> Iterator[Fact]:
    yield from (_told(one) for one in material.evidence if one.type == INTENDED_USE)


def _versions(material: _Material) -> Iterator[Fact]:
    record = material.record
    yield Fact("Version", f"{record.ref}, {record.digest}", "registry")
    for parent in record.parents:
        yield Fact("Made from", str(parent), "lineage")


def _software(material: _Material) -> Iterator[Fact]:
    environment = material.part("environment")
    libraries = environment.get("libraries")
    named = {name: value for name, value in environment.items() if isinstance(value, str)}
    for name, version in {**named, **(libraries if isinstance(libraries, Mapping) else {})}.items():
        yield Fact(str(name), str(version), _manifest(material))


def _methods(material: _Material) -> Iterator[Fact]:
    record = material.record
    yield Fact("Method", record.method.replace("_", " "), f"step {record.step.id}")
    recipe = material.manifest.get("recipe")
    if recipe:
        yield Fact("Recipe", _shown(recipe), _manifest(material))


def _third_parties(material: _Material) -> Iterator[Fact]:
    """Every model of the ancestry, and how it went into the next."""
    models = {one.node.id: one for one in material.ancestry.members if one.node.kind is NodeKind.MODEL}
    uses = [
        edge for edge in material.ancestry.edges if edge.source in models and edge.source != material.ancestry.focus
    ]
    for edge in uses[:_LISTED]:
        one = models[edge.source]
        words = f"used as {edge.role}, {edge.assurance.value}; licence {one.licence or 'unknown'}; {one.node.digest}"
        yield Fact(f"models:/{one.node.label}", words, "lineage")
    if len(uses) > _LISTED:
        yield Fact(
            "More", f"{len(uses) - _LISTED} more uses of models: forebear lineage show {material.record.ref}", "lineage"
        )
    if material.record.origin:
        yield Fact("Origin", material.record.origin, "registry")


def _logic(material: _Material) -> Iterator[Fact]:
    record = material.record
    for what, value in (("Architecture", record.architecture), ("Task", record.task), ("Modality", record.modality)):
        if value:
            yield Fact(what, value, "registry")


def _parameters(material: _Material) -> Iterator[Fact]:
    recipe = material.part("recipe")
    for name in ("method", "objective", "params", "training"):
        if recipe.get(name):
            yield Fact(name.capitalize(), _shown(recipe[name]), _manifest(material))


def _metrics(material: _Material) -> Iterator[Fact]:
    for one in material.detail.measured:
        yield Fact(one.name, f"{one.value} on {one.role} data {one.data} ({one.split})", f"step {material.detail.step}")


def _compute(material: _Material) -> Iterator[Fact]:
    for name, value in material.part("hardware").items():
        yield Fact(str(name), _shown(value), _manifest(material))
    for name, unit in (("wall_seconds", "s"), ("device_seconds", "s"), ("flops", ""), ("parameters", "")):
        if material.manifest.get(name) is not None:
            value = _shown(material.manifest[name])
            yield Fact(name.replace("_", " "), f"{value} {unit}".strip(), _manifest(material))


def _data(*roles: str) -> Callable[[_Material], Iterator[Fact]]:
    def finder(material: _Material) -> Iterator[Fact]:
        sets = {one.node.id: one for one in material.ancestry.members if one.node.kind is NodeKind.DATASET}
        for edge in [edge for edge in material.ancestry.edges if edge.source in sets][:_LISTED]:
            if split_role(edge.role)[0] in roles:
                one = sets[edge.source]
                split = f", split {edge.split}" if edge.split else ""
                words = f"as {edge.role}{split}; licence {one.licence or 'unknown'}; {one.node.digest}"
                yield Fact(f"datasets:/{one.node.label}", words, "lineage")

    return finder


def _reports(material: _Material) -> Iterator[Fact]:
    for one in material.evidence:
        if one.type not in {INTENDED_USE} and not one.type.startswith(EVIDENCE):
            yield _told(one)
    yield from material.votes


def _security(material: _Material) -> Iterator[Fact]:
    checked = material.record.checked
    if checked is not None:
        words = (
            f"{checked.files} files, {checked.size} bytes read and compared with their SHA-256, {checked.at:%Y-%m-%d}"
        )
        yield Fact("Integrity", words, "registry")


def _risks(material: _Material) -> Iterator[Fact]:
    for one in material.findings:
        state = "open" if one.is_open else f"resolved by {one.resolved_by}: {one.resolution}"
        yield Fact(f"{one.severity} finding", f"{one.text} ({state})", f"finding {one.id}")


def _changes(material: _Material) -> Iterator[Fact]:
    for one in material.changes[-_LISTED:]:
        yield Fact(one.action, f"{one.at:%Y-%m-%d %H:%M} UTC by {one.actor}", f"audit entry {one.seq}")


_FINDERS: Mapping[str, Callable[[_Material], Iterator[Fact]]] = {
    "Intended purpose": _purpose,
    "Relation to earlier versions": _versions,
    "Versions of relevant software": _software,
    "Methods and steps performed": _methods,
    "Pre-trained systems and tools of third parties, and how they were used": _third_parties,
    "General logic of the system and its algorithms": _logic,
    "What it optimises for, and the relevance of the parameters": _parameters,
    "Expected output and its quality": _metrics,
    "System architecture": _logic,
    "Resources for training and testing": _compute,
    "Training data sets, their provenance and main characteristics": _data(*(one for one in DATA_ROLES if one != TEST)),
    "Validation and testing data and their main characteristics": _data(TEST, VALIDATION),
    "Metrics of accuracy and robustness": _metrics,
    "Test reports, dated and signed by the responsible persons": _reports,
    "Measures put in place": _security,
    "Foreseeable unintended outcomes and sources of risk": _risks,
    "Risks that were found, and what was done": _risks,
    "Relevant changes made by the provider": _changes,
}
"""By what is asked, what reads its facts. What is not here can only be answered by the card or by evidence."""


def _manifest(material: _Material) -> str:
    return f"manifest {material.record.step.manifest_digest}"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
