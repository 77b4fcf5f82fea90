"""Erasing a person by two people: a stand-in takes the place of the handle everywhere, and the chain stays valid.

What every entry of the log said of the person goes; the hashes of the chain and of its checkpoints stay, and one entry
at the end has the hash of what is left of each. Stored decisions and manifests that name the person are written anew.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from lineage import Digest
from registry.domain.audit import BEGINNING, Event, Head, verify_chain
from registry.domain.catalog.models import HistoryEntry
from registry.domain.codec import from_json
from registry.domain.governance.case import Case
from registry.domain.governance.promotion import Verdict
from registry.domain.paging import PageRequest, every
from registry.domain.people.erasure import PREFIX, Erased, Erasure
from registry.domain.people.people import Permission, Person
from registry.domain.text import check_words
from registry.domain.verifier import ERASED
from registry.errors import AuditBrokenError, ConflictError, NotFoundError, PermissionDeniedError
from registry.services.context import Context
from registry.services.governance.policies.stored import frozen_policy
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.lookup import found
from registry.services.people.keys import key_event
from registry.services.people.offering import confirmers
from registry.services.storage.governance import BINDING
from registry.services.unit_of_work import UnitOfWork

ASKED, WITHDRAWN = "person.erasure_asked", "person.erasure_withdrawn"
WAITS = timedelta(days=7)
"""How long a wish to erase a person can be confirmed."""
_AT_ONCE = 2000
"""Entries whose hashes one entry of the log has."""
DECIDED = "promotion.decided"


def verified(context: Context, handle: str) -> Head:
    """How far the log was verified before the writer's place is taken: not at all where nobody could confirm now.

    Raises: AuditBrokenError.
    """
    with context.read() as uow:
        asked = _wish(uow, handle, context.clock.now())
        if asked is None or context.actor.handle not in confirmers(uow, handle, offered_by=asked.actor):
            return BEGINNING
        return _check_log(uow, BEGINNING)


def withdraw(context: Context, uow: UnitOfWork, person: Person) -> Person:
    """See `PeopleVerbs.withdraw_erasure`."""
    asked = _wish(uow, person.handle, context.clock.now())
    if context.actor.handle not in {person.handle, asked.actor if asked is not None else ""}:
        context.actor.require(Permission.ADMIN)
    if asked is None:
        raise NotFoundError(f"No request to erase {person.handle} waits for a second person")
    uow.commit(Event(WITHDRAWN, f"person:{person.handle}"))
    return person


def _wish(uow: UnitOfWork, handle: str, now: datetime) -> HistoryEntry | None:
    """The entry by which somebody asked to erase this person, while it can be confirmed."""
    asked, withdrawn = (
        next(iter(uow.audit.search(subject=f"person:{handle}", action=action, page=PageRequest(1)).items), None)
        for action in (ASKED, WITHDRAWN)
    )
    if asked is None or now - asked.at > WAITS or (withdrawn is not None and withdrawn.seq > asked.seq):
        return None
    return asked


def erase(context: Context, uow: UnitOfWork, person: Person, reason: str, verified: Head) -> Erased:
    """See `PeopleVerbs.erase`. The log was verified up to `verified`."""
    now, actor = context.clock.now(), context.actor
    subject = f"person:{person.handle}"
    asked = _wish(uow, person.handle, now)
    if asked is None or asked.actor == actor.handle:
        if actor.handle != person.handle:
            actor.require(Permission.ADMIN)
        if not confirmers(uow, person.handle, offered_by=actor.handle):
            raise ConflictError(
                "Erasing a person takes two people, and nobody else here decides on anything",
                remedy="Give somebody a role that decides: forebear role grant PERSON ROLE",
            )
        uow.commit(Event(ASKED, subject, {"reason": check_words(reason, "reason", 500)}))
        return Erased(person.handle, actor.handle, now)
    allowed = confirmers(uow, person.handle, offered_by=asked.actor)
    if actor.handle not in allowed:
        raise PermissionDeniedError(
            f"{actor.handle} may not confirm this: it takes somebody else than who asked for it or is erased",
            remedy=f"Ask one of: {', '.join(allowed) or 'nobody yet; grant a role that decides first'}",
        )
    check_own_account(uow, context)
    _check_log(uow, verified)
    return _carry_out(context, uow, person, asked_by=asked.actor)


def _carry_out(context: Context, uow: UnitOfWork, person: Person, *, asked_by: str) -> Erased:
    now, name = context.clock.now(), "" if person.name == person.handle else person.name
    for role in person.roles:
        uow.people.revoke(person.handle, role, by=context.actor.handle, at=now)
    for offer in uow.people.offers():
        if offer.person == person.handle:
            uow.people.drop_offer(person.handle, offer.role)
    for token in every(lambda page: uow.people.tokens(person.handle, page)):
        if token.revoked_at is None:
            uow.people.revoke_token(token.id, at=now)
    uow.people.end_sessions(person.handle, at=now)
    if person.key:
        uow.people.set_key(person.handle, "")
    teams = [team.name for team, _ in uow.teams.teams_of(person.handle)]
    for team in teams:
        uow.teams.remove_member(team, person.handle)
    erasure = Erasure(person.handle, name, PREFIX + secrets.token_hex(4))
    decided = list(_decisions(context, uow, erasure))
    decisions = {str(one.before): str(one.after) for one in decided if one.after != one.before}
    votes = _votes(uow)
    documents = uow.people.erase(replace(erasure, digests=decisions))
    for one in decided:
        if one.verdict is not None:
            uow.governance.restate(one.request, one.verdict)
    digests = {**documents, **{old: new for old, new in zip(votes, _votes(uow), strict=True) if old != new}}
    uow.catalog.rebuild_listings()
    changed = uow.audit.erase(replace(erasure, digests=digests).entry, now)
    subject, asked_by = f"person:{erasure.stand_in}", erasure.of(asked_by)
    named = list(changed.items())
    parts = [named[at : at + _AT_ONCE] for at in range(0, max(1, len(named)), _AT_ONCE)]
    uow.commit(
        *(Event("role.revoked", subject, {"role": role}) for role in person.roles),
        *([key_event(erasure.stand_in, "")] if person.key else ()),
        *(Event("team.member_removed", f"team:{team}", {"person": erasure.stand_in}) for team in teams),
        *(
            Event(ERASED, subject, {"asked_by": asked_by, "entries": {str(seq): left.hex for seq, left in part}})
            for part in parts
        ),
    )
    return Erased(erasure.stand_in, asked_by, now, erasure.stand_in, len(changed))


def _check_log(uow: UnitOfWork, since: Head) -> Head:
    """Verify what follows `since`: else the new hashes could cover up a change. Gives the newest entry.

    Raises: AuditBrokenError.
    """
    report = verify_chain(uow.audit.entries(after=since.seq), since=since)
    if not report.intact:
        raise AuditBrokenError(
            f"Nobody can be erased while the audit log is not intact: {report.reason}",
            remedy="Find out who changed it: forebear audit verify",
        )
    return Head(report.entries, report.head)


def _votes(uow: UnitOfWork) -> list[str]:
    """The digests that entries bind votes by, always in the same order."""
    return [digest for name, digest in sorted(uow.governance.state().items()) if name.startswith(BINDING)]


@dataclass(frozen=True, slots=True)
class _Decided:
    """A stored decision before and after. `verdict` is that of the new one; None where the old one did not replay."""

    request: str
    before: Digest
    after: Digest
    verdict: Verdict | None


def _decisions(context: Context, uow: UnitOfWork, erasure: Erasure) -> Iterable[_Decided]:
    """Each stored decision that named the person, and the one that takes its place.

    Its verdict is judged anew: another handle sorts otherwise. One that was tampered with is left to be found.
    """
    for entry in every(lambda page: uow.audit.search(action=DECIDED, page=page)):
        digest = Digest.parse(str(entry.detail["case"]))
        with context.blobs.open(digest) as stream:
            text = stream.read()
        new = erasure.document(text)
        stored = found(uow.governance.request(entry.subject), entry.subject, see="promote list")
        told = asdict(stored.verdict)
        if new == text and erasure.of(told) == told:
            continue
        judge = frozen_policy(uow, stored).judge
        replays = judge(from_json(Case, json.loads(text))) == stored.verdict
        verdict = judge(from_json(Case, json.loads(new))) if replays else None
        fresh, _ = context.blobs.put(io.BytesIO(new))
        yield _Decided(stored.summary.id, digest, fresh, verdict)
