"""What somebody signs who approves a promotion: a text of a few lines, the same on the client and on the server.

It names no person: the key does. Whoever has the text, the public key and the signature can check it with any program
that knows Ed25519.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from lineage import Digest
from registry.domain.governance.promotion import Bindings, VoteEntry, VoteSignature, VoteValue
from registry.domain.governance.reviews.findings import Finding, NewFinding
from registry.domain.governance.seen import seen_digest, without_findings
from registry.domain.people.keys import holds

FORM = "forebear-approval/1"


def approval_text(
    request: str, version: str, target: str, bound: Bindings, key: str, conditions: Sequence[NewFinding] = ()
) -> str:
    """The text, in UTF-8, that the private half of `key` signs. Each line ends with a line feed.

    `bound` is what the request is judged on before the `conditions` are attached.
    """
    lines = {
        "request": request,
        "version": version,
        "to": target,
        "vote": VoteValue.APPROVE_WITH_CONDITIONS if conditions else VoteValue.APPROVE,
        "key": key,
        "artifact": bound.artifact,
        "lineage": bound.lineage,
        "policy": bound.policy,
        "evidence": bound.evidence,
        "seen": bound.seen or "none",
    }
    attached = (f"condition {one.due} {one.severity} {Digest.of(one.text.strip().encode())}\n" for one in conditions)
    return "".join([f"{FORM}\n", *(f"{name} {value}\n" for name, value in lines.items()), *attached])


def is_signed(vote: VoteEntry, request: str, version: str, target: str, findings: Sequence[Finding] = ()) -> bool:
    """True when the vote has a signature over what it is bound to, for this request, by the key that it names.

    Of an approval with conditions, over what it was bound to before them, and over the conditions as `findings` has
    them: it is bound to the state that the conditions made of the one that was signed, and to no other.
    """
    given, bound = vote.signature, vote.bound
    attached = [one for name in vote.conditions for one in findings if one.id == name and one.request == request]
    if given is None or len(attached) != len(vote.conditions):
        return False
    if attached:
        if bound.seen != seen_digest(vote.seen):
            return False
        bound = replace(bound, seen=seen_digest(without_findings(vote.seen, [one.severity for one in attached])))
    conditions = [NewFinding(one.text, one.severity, one.owner, _day(one)) for one in attached]
    return holds(given.key, given.value, approval_text(request, version, target, bound, given.key, conditions))


def _day(finding: Finding) -> str:
    """The last day to resolve it, as who raised it gave it."""
    return f"{finding.due_at - timedelta(days=1):%Y-%m-%d}"


def signature_of(key: str, value: str) -> VoteSignature | None:
    """As a vote keeps it; None without one."""
    return VoteSignature(key, value) if value else None


def signature_record(key: str, *, right: bool) -> str:
    """What the database and the audit log have to say alike of the signature of one vote."""
    return f"that of {key}" if right else f"no signature of {key}"
