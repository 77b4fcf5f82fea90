"""Adding evidence about a version: only of a type, and from a person, that the policy in force takes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import BinaryIO

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.governance.case import Case
from registry.domain.governance.policy import Policy
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.ids import new_id
from registry.domain.manifests import canonical_json
from registry.domain.names import Reference, VersionRef
from registry.domain.people.people import Permission
from registry.domain.text import check_facts, check_words, did_you_mean
from registry.errors import InvalidError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.governance.policies import in_force
from registry.services.lookup import resolve
from registry.services.unit_of_work import UnitOfWork

MAX_BODY = 65_536
"""Bytes of canonical JSON in one piece of evidence; the rest belongs in its file."""


def add_evidence(
    context: Context,
    reference: Reference,
    type_: str,
    body: Mapping[str, object],
    *,
    file: BinaryIO | None,
    file_name: str | None,
) -> EvidenceValue:
    """Store the file, if any, then the evidence.

    Raises: NotFoundError, PolicyRefusedError, InvalidError, NoSpaceError.
    """
    context.actor.require(Permission.EDIT)
    by, now = context.actor.handle, context.clock.now()
    stored = None
    if file is not None:
        _check_file_name(file_name)
        with context.read() as uow:  # before any byte is stored: a file of evidence that is refused is not kept
            _check_producer(uow, resolve(uow, reference), type_, by=by, at=now)
        stored, _ = context.blobs.put(file)
    with context.write() as uow:
        ref = resolve(uow, reference)
        subject = _check_producer(uow, ref, type_, by=by, at=now)
        value = _bound(ref, subject, type_, body, file=stored, name=file_name, by=by, at=now)
        uow.governance.add_evidence(value)
        said = {"evidence": value.id, "type": type_, "digest": str(value.digest)}
        uow.commit(Event("evidence.added", str(ref), said))
    return value


def _bound(
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
        raise InvalidError("the evidence says nothing", remedy="Give a JSON body, a file, or both")
    check_facts(body, "evidence")
    statement = {
        "body": dict(body),
        "file": str(file) if file is not None else None,
        "file_name": name,
        "subject": str(subject),
        "type": type_,
    }
    written = canonical_json(statement)
    if len(written) > MAX_BODY:
        raise InvalidError(f"the evidence is larger than {MAX_BODY:,} bytes", remedy="Attach the long part as a file")
    return EvidenceValue(
        new_id("ev", at), ref, subject, type_, Digest.of(written), dict(body), file, name, added_at=at, added_by=by
    )


def _check_file_name(name: str | None) -> None:
    if name is None or name in {".", ".."} or set(name) & set("/\\") or check_words(name, "file name", 255) != name:
        raise InvalidError(f"{str(name)[:80]!r} is not a plain file name", remedy="Give the name without folders")


def _check_producer(uow: UnitOfWork, ref: VersionRef, type_: str, *, by: str, at: datetime) -> Digest:
    """The digest of the version, if the policy in force takes evidence of this type from this person.

    Raises: NotFoundError, PolicyRefusedError.
    """
    dossier = open_dossier(uow, ref, requested_by=None, also=(by,))

    def case(policy: Policy) -> Case:
        return case_for(dossier, policy, target=dossier.candidate.stage, now=at)

    policy = in_force(uow, case)
    if policy.produces(type_, by, case(policy)):
        return dossier.artifact
    kind = policy.evidence_types.get(type_)
    if kind is None:
        hint = did_you_mean(type_, policy.evidence_types)
        why = f"the policy {policy.name} knows no evidence {type_[:80]!r}{hint}"
    elif not kind.producers:
        why = f"the evidence {type_} is recorded by the registry itself, from nobody else"
    else:
        why = f"the evidence {type_} is taken from a {' or a '.join(kind.producers)}, and {by} is none"
    raise PolicyRefusedError(f"this evidence about {ref} is not taken", (why,))
