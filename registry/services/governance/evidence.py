"""Adding evidence about a version: a type, an author and a content that the policy in force allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import BinaryIO

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import AddedEvidence, EvidenceValue
from registry.domain.ids import new_id
from registry.domain.manifests import canonical_json
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Permission
from registry.domain.text import check_facts, check_words, did_you_mean
from registry.errors import InvalidError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.consequences import consequences
from registry.services.governance.dossier import Dossier, case_for, open_dossier
from registry.services.governance.policies.stored import in_force
from registry.services.lookup import resolve
from registry.services.unit_of_work import UnitOfWork

MAX_BODY = 65_536
"""Bytes of canonical JSON in one piece of evidence; the rest belongs in its file."""
MAX_VALUES = 5_000
"""Values in one piece of evidence, those of lists and maps counted: what conditions walk has a limit of its own."""


def add_evidence(
    context: Context,
    reference: Reference,
    type_: str,
    body: Mapping[str, object],
    *,
    file: BinaryIO | None,
    file_name: str | None,
) -> AddedEvidence:
    """Store the file, if any, then the evidence.

    Raises: NotFoundError, PolicyRefusedError, InvalidError, NoSpaceError.
    """
    context.actor.require(Permission.EDIT)
    by, now = context.actor.handle, context.clock.now()
    stored = None
    if file is not None:
        _check_file_name(file_name)
        with context.read() as uow:  # before any byte is stored: a file of evidence that is refused is not kept
            _, policy = _taken(uow, resolve(uow, reference), type_, by=by, at=now)
            _check_form(policy, type_, body, has_file=True)
        stored, _ = context.blobs.put(file)
    with context.write() as uow:
        ref = resolve(uow, reference)
        dossier, policy = _taken(uow, ref, type_, by=by, at=now)
        _check_form(policy, type_, body, has_file=file is not None)
        value = bound(ref, dossier.artifact, type_, body, file=stored, name=file_name, by=by, at=now)
        uow.governance.add_evidence(value)
        warnings = consequences(uow, dossier, value, policy, now)
        detail = {"evidence": value.id, "type": type_, "digest": str(value.digest)}
        uow.commit(Event("evidence.added", str(ref), detail))
    return AddedEvidence(**{f.name: getattr(value, f.name) for f in fields(value)}, warnings=warnings)


def _check_form(policy: Policy, type_: str, body: Mapping[str, object], *, has_file: bool) -> None:
    """Whether the content fits the form that the policy gives the type. Raises: InvalidError naming the form."""
    kind = policy.evidence_types[type_]
    problems = kind.problems(body, has_file=has_file)
    if problems:
        raise InvalidError(
            f"This {type_} evidence does not fit its form: {'; '.join(problems.values())}",
            remedy=f"The form of {type_}: {kind.form}",
            facts={"policy": policy.label, "fields": problems},
        )


def bound(
    ref: VersionRef,
    subject: Digest,
    type_: str,
    body: Mapping[str, object],
    *,
    file: Digest | None,
    name: str | None,
    by: str,
    at: datetime,
) -> EvidenceValue:
    """A piece of evidence bound to the bytes of the version. Raises: InvalidError."""
    name = name if file is not None else None
    if not body and file is None:
        raise InvalidError("The evidence has no content", remedy="Give facts, a file, or both")
    check_facts(body, "evidence", most=MAX_VALUES)
    statement = {
        "body": dict(body),
        "file": str(file) if file is not None else None,
        "file_name": name,
        "subject": str(subject),
        "type": type_,
    }
    written = canonical_json(statement)
    if len(written) > MAX_BODY:
        raise InvalidError(f"The evidence is larger than {MAX_BODY:,} bytes", remedy="Attach the long part as a file")
    return EvidenceValue(
        new_id("ev", at), ref, subject, type_, Digest.of(written), dict(body), file, name, added_at=at, added_by=by
    )


def _check_file_name(name: str | None) -> None:
    if name is None or name in {".", ".."} or set(name) & set("/\\") or check_words(name, "file name", 255) != name:
        raise InvalidError(f"{str(name)[:80]!r} is not a plain file name", remedy="Give the name without folders")


def _taken(uow: UnitOfWork, ref: VersionRef, type_: str, *, by: str, at: datetime) -> tuple[Dossier, Policy]:
    """The record of the version and the policy in force, if that takes evidence of this type from this person.

    Raises: NotFoundError, PolicyRefusedError.
    """
    dossier = open_dossier(uow, ref, requested_by=None, also=(by,))

    def case(policy: Policy) -> Case:
        return case_for(dossier, policy, target=dossier.candidate.stage, now=at)

    policy = in_force(uow, case)
    if policy.produces(type_, by, case(policy)):
        return dossier, policy
    kind = policy.evidence_types.get(type_)
    if kind is None:
        hint = did_you_mean(type_, policy.evidence_types)
        why = f"Policy {policy.name} has no evidence type {type_[:80]!r}{hint}"
    elif policy.checks_own(type_, by, case(policy)):
        why = f"{by} made this version, and {type_} evidence is about what others find"
    elif not kind.producers:
        why = f"Evidence {type_} is recorded by the registry itself; nobody can add it"
    else:
        why = f"Only a {' or a '.join(kind.producers)} can add {type_} evidence; {by} is not one"
    raise PolicyRefusedError(f"Evidence about {ref} was refused", (why,))
