"""The state of a registry as its log has it, and where the database differs: an SQL UPDATE of a stage or a voter shows.

Both are facts by name: `stage of models:/vision/digits/2` is `production`. The log gives them by walking all entries;
the database by reading its tables. What no entry has touched has its first value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from registry.domain.audit import AuditEntry, Body, read_body
from registry.domain.catalog.compute import compute_record
from registry.domain.catalog.marks import marks_record
from registry.domain.catalog.models import FIRST_STAGE, Status
from registry.domain.data.leakage import leakage_record
from registry.domain.governance.promotion import RequestState, VoteValue
from registry.domain.governance.reviews.attestations import attestation_record
from registry.domain.governance.reviews.bypasses import emergency_record
from registry.domain.governance.reviews.findings import record_of
from registry.domain.governance.reviews.waivers import waiver_record
from registry.domain.governance.signing import signature_record
from registry.domain.people.teams import fold
from registry.domain.transfers.corrections import CorrectionState, correction_record
from registry.services.storage.corrections import CORRECTION
from registry.services.storage.governance import (
    ALIAS,
    BINDING,
    CLOSED,
    DELETION,
    KEY,
    LEVEL,
    OVERRULED,
    REQUEST,
    ROLES,
    SIGNATURE,
    STAGE,
    STATUS,
    VOTE,
)
from registry.services.storage.lineage import COMPUTE, LEAKAGE, MARKS
from registry.services.storage.recalls import RECALL, TASK
from registry.services.storage.reviews import ATTESTATION, EMERGENCY, FINDING, WAIVER

FIRST: Mapping[str, str | None] = {
    STAGE: FIRST_STAGE,
    STATUS: Status.ACTIVE.value,
    DELETION: "no",
    OVERRULED: "no",
    ROLES: "",
    BINDING: None,
    KEY: "",
    MARKS: "",
    CLOSED: "open",
}
"""By kind of fact, its value before any entry; None where older entries do not have it, so that any value will do."""
MOST = 100
"""Differences that are named."""
_STATUSES = {f"{kind}.{status.value}": status for kind in ("model_version", "dataset_version") for status in Status}
_RESTORED = ("model_version.restored", "dataset_version.restored")
_VOTES = {
    "promotion.approved": VoteValue.APPROVE,
    "promotion.approved_with_conditions": VoteValue.APPROVE_WITH_CONDITIONS,
    "promotion.rejected": VoteValue.REJECT,
    "promotion.vetoed": VoteValue.VETO,
}


def differences(entries: Iterable[AuditEntry], database: Mapping[str, str]) -> tuple[str, ...]:
    """One sentence for each fact that the database has otherwise than the log, by name; the first `MOST` of them."""
    log = _Log()
    for entry in entries:
        log.read(read_body(entry.body))
    found = [*log.problems, *_compared(log.facts, database)]
    more = [f"And {len(found) - MOST} more"] if len(found) > MOST else []
    return (*found[:MOST], *more)


def _compared(log: Mapping[str, str], database: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(log.keys() | database.keys()):
        first = next((value for kind, value in FIRST.items() if name.startswith(kind)), "nothing")
        there, told = database.get(name, first), log.get(name, first)
        if there != told and told is not None:
            yield f"The {name} is {there or 'none'} in the database, and {told or 'none'} by the log"


class _Log:
    """The facts that the entries read so far give."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {}
        self.problems: list[str] = []
        self._votes: dict[str, int] = {}

    def read(self, entry: Body) -> None:
        action, subject, detail = entry.columns.action, entry.columns.subject, entry.detail
        step = _STEPS.get(action)
        if step is not None:
            try:
                step(self, subject, entry.columns.actor, detail)
            except KeyError as missing:
                self.problems.append(f"Entry {entry.seq} ({action}) does not hold {missing}")
        elif action in _VOTES:
            self._vote(entry.columns.actor, _VOTES[action], detail)
        elif action in _STATUSES:
            self.facts[STATUS + subject] = _STATUSES[action].value
        elif action in _RESTORED and "reason" in detail:  # repaired files are restored too, without a reason
            self.facts[STATUS + subject] = Status.ACTIVE.value

    def moved_on(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[STAGE + subject] = str(detail["to"])

    def named(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[f"{ALIAS}{_model(subject)}@{detail['alias']}"] = subject

    def unnamed(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts.pop(f"{ALIAS}{_model(subject)}@{detail['alias']}", None)

    def deleted(self, subject: str, _: str, __: Mapping[str, Any]) -> None:
        self.facts[DELETION + subject] = "yes"
        self.facts.pop(ATTESTATION + subject, None)

    def added(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self._set_roles(subject, set(detail["roles"]))

    def granted(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self._set_roles(subject, self._roles(subject) | {str(detail["role"])})

    def revoked(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self._set_roles(subject, self._roles(subject) - {str(detail["role"])})

    def closed(self, subject: str, _: str, __: Mapping[str, Any]) -> None:
        self.facts[CLOSED + fold(subject)] = "closed"

    def opened(self, subject: str, _: str, __: Mapping[str, Any]) -> None:
        self.facts[CLOSED + fold(subject)] = "open"

    def joined(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[f"{LEVEL}{fold(subject)} of {detail['person']}"] = str(detail["level"])

    def gone(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts.pop(f"{LEVEL}{fold(subject)} of {detail['person']}", None)

    def requested(self, _: str, actor: str, detail: Mapping[str, Any]) -> None:
        self.facts[REQUEST + str(detail["request"])] = f"{RequestState.OPEN} by {actor}"

    def withdrawn(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._close(str(detail["request"]), RequestState.WITHDRAWN)

    def revoked_request(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._close(str(detail["request"]), RequestState.REVOKED)

    def decided(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self._close(subject, str(detail["state"]))

    def overruled(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        if detail["done"]:
            self.facts[OVERRULED + str(detail["request"])] = "yes"

    def found(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        record = record_of(detail["severity"], detail["owner"], detail["due"], resolved=False)
        self.facts[FINDING + str(detail["finding"])] = record

    def put_right(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        record = record_of(detail["severity"], detail["owner"], detail["due"], resolved=True)
        self.facts[FINDING + str(detail["finding"])] = record

    def declared(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._emergency(detail, lapsed=False)

    def lapsed(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._emergency(detail, lapsed=True)

    def _emergency(self, detail: Mapping[str, Any], *, lapsed: bool) -> None:
        people = (detail["by"], *detail.get("agreed_by", ()))
        record = emergency_record(
            detail["request"],
            people,
            detail["due"],
            detail["reviewed_by"],
            effective=not detail.get("waiting", False),
            lapsed=lapsed,
        )
        self.facts[EMERGENCY + str(detail["emergency"])] = record

    def computed(self, subject: str, actor: str, detail: Mapping[str, Any]) -> None:
        self.facts[COMPUTE + subject] = compute_record(detail, actor)

    def counted(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        record = leakage_record(detail["test_rows"], detail["seen"], detail["near"], known=detail["known"])
        self.facts[LEAKAGE + subject] = record

    def marked(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[MARKS + subject] = marks_record({*self._parts(MARKS + subject), str(detail["mark"])})

    def unmarked(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[MARKS + subject] = marks_record(self._parts(MARKS + subject) - {str(detail["mark"])})

    def attested(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        record = attestation_record(detail["stage"], detail["due"], lapsed=detail["lapsed"])
        self.facts[ATTESTATION + subject] = record

    def attested_no_more(self, subject: str, _: str, __: Mapping[str, Any]) -> None:
        self.facts.pop(ATTESTATION + subject, None)

    def waived(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        record = waiver_record(detail["gate"], detail["until"], detail["approved_by"], ended=False)
        self.facts[WAIVER + str(detail["waiver"])] = record

    def waived_no_more(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        record = waiver_record(detail["gate"], detail["until"], detail["approved_by"], ended=True)
        self.facts[WAIVER + str(detail["waiver"])] = record

    def recalled(self, recall: str, actor: str, detail: Mapping[str, Any]) -> None:
        self.facts[RECALL + recall] = f"{detail['level']} by {actor}"
        self._set_statuses(detail)

    def reversed(self, recall: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[RECALL + recall] = f"{self.facts.get(RECALL + recall, '')} reversed"
        self._set_statuses(detail)

    def disposed(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[f"{TASK}{subject} in {detail['recall']}"] = str(detail["task"])
        self._set_statuses(detail)

    def reached(self, subject: str, actor: str, detail: Mapping[str, Any]) -> None:
        """A version that was made from one whose risk is accepted; what is only measured on it has no task yet."""
        if "task" in detail:
            self.disposed(subject, actor, detail)

    def extended(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._set_statuses(detail)

    def correcting(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._correction(CorrectionState.ASKED, detail)

    def corrected(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._correction(CorrectionState.MADE, detail)

    def left(self, _: str, __: str, detail: Mapping[str, Any]) -> None:
        self._correction(CorrectionState.REFUSED, detail)

    def _correction(self, state: CorrectionState, detail: Mapping[str, Any]) -> None:
        record = correction_record(state, detail["before"], detail["after"])
        self.facts[CORRECTION + str(detail["correction"])] = record

    def _set_statuses(self, detail: Mapping[str, Any]) -> None:
        """An entry of a recall changes many versions: by status, which."""
        for status, subjects in detail.get("statuses", {}).items():
            self.facts |= dict.fromkeys((STATUS + subject for subject in subjects), status)

    def _close(self, request: str, state: str) -> None:
        by = self.facts.get(REQUEST + request, " by nobody").partition(" by ")[2]
        self.facts[REQUEST + request] = f"{state} by {by}"

    def _roles(self, subject: str) -> set[str]:
        return self._parts(ROLES + subject)

    def _parts(self, fact: str) -> set[str]:
        held = self.facts.get(fact, "")
        return set(held.split(", ")) if held else set()

    def _set_roles(self, subject: str, roles: set[str]) -> None:
        self.facts[ROLES + subject] = ", ".join(sorted(roles))

    def _vote(self, voter: str, value: VoteValue, detail: Mapping[str, Any]) -> None:
        request = str(detail["request"])
        number = self._votes[request] = self._votes.get(request, 0) + 1
        self.facts[f"{VOTE}{number} on {request}"] = f"{value.value} by {voter}"
        if "vote" in detail:
            self.facts[f"{BINDING}{number} on {request}"] = str(detail["vote"])
        if "key" in detail:
            self.facts[f"{SIGNATURE}{number} on {request}"] = signature_record(str(detail["key"]), right=True)

    def keyed(self, subject: str, _: str, detail: Mapping[str, Any]) -> None:
        self.facts[KEY + subject] = str(detail["key"])


_STEPS: Mapping[str, Callable[[_Log, str, str, Mapping[str, Any]], None]] = {
    "model_version.promoted": _Log.moved_on,
    "model_version.superseded": _Log.moved_on,
    "alias.moved": _Log.named,
    "alias.dropped": _Log.unnamed,
    "model_version.deleted": _Log.deleted,
    "person.added": _Log.added,
    "person.key_set": _Log.keyed,
    "role.granted": _Log.granted,
    "role.revoked": _Log.revoked,
    "team.closed": _Log.closed,
    "team.opened": _Log.opened,
    "team.member_added": _Log.joined,
    "team.member_removed": _Log.gone,
    "promotion.requested": _Log.requested,
    "promotion.withdrawn": _Log.withdrawn,
    "promotion.revoked": _Log.revoked_request,
    "promotion.decided": _Log.decided,
    "promotion.overruled": _Log.overruled,
    "emergency.declared": _Log.declared,
    "emergency.agreed": _Log.declared,
    "emergency.reviewed": _Log.declared,
    "emergency.lapsed": _Log.lapsed,
    "attestation.scheduled": _Log.attested,
    "attestation.called": _Log.attested,
    "attestation.lapsed": _Log.attested,
    "attestation.ended": _Log.attested_no_more,
    "waiver.requested": _Log.waived,
    "waiver.approved": _Log.waived,
    "waiver.ended": _Log.waived_no_more,
    "compute.declared": _Log.computed,
    "leakage.counted": _Log.counted,
    "mark.added": _Log.marked,
    "mark.removed": _Log.unmarked,
    "finding.raised": _Log.found,
    "finding.resolved": _Log.put_right,
    "recall.opened": _Log.recalled,
    "recall.reversed": _Log.reversed,
    "recall.disposed": _Log.disposed,
    "recall.confirmed": _Log.disposed,
    "recall.reached": _Log.reached,
    "recall.extended": _Log.extended,
    "lineage.correction_asked": _Log.correcting,
    "lineage.corrected": _Log.corrected,
    "lineage.correction_refused": _Log.left,
}


def _model(subject: str) -> str:
    return subject.rpartition("/")[0]
