"""What somebody signs who approves a promotion: a text of eleven lines, the same on the client and on the server.

It names no person: the key does. Whoever has the text, the public key and the signature can check it with any program
that knows Ed25519.
"""

from __future__ import annotations

from registry.domain.governance.promotion import Bindings, VoteEntry, VoteSignature
from registry.domain.people.keys import holds

FORM = "forebear-approval/1"


def approval_text(request: str, version: str, target: str, bound: Bindings, key: str) -> str:
    """The text, in UTF-8, that the private half of `key` signs. Each line ends with a line feed."""
    lines = {
        "request": request,
        "version": version,
        "to": target,
        "vote": "approve",
        "key": key,
        "artifact": bound.artifact,
        "lineage": bound.lineage,
        "policy": bound.policy,
        "evidence": bound.evidence,
        "seen": bound.seen or "none",
    }
    return "".join([f"{FORM}\n", *(f"{name} {value}\n" for name, value in lines.items())])


def is_signed(vote: VoteEntry, request: str, version: str, target: str) -> bool:
    """True when the vote has a signature over what it is bound to, for this request, by the key that it names."""
    given = vote.signature
    return given is not None and holds(
        given.key, given.value, approval_text(request, version, target, vote.bound, given.key)
    )


def signature_of(key: str, value: str) -> VoteSignature | None:
    """As a vote keeps it; None without one."""
    return VoteSignature(key, value) if value else None


def signature_record(key: str, *, right: bool) -> str:
    """What the database and the audit log have to say alike of the signature of one vote."""
    return f"that of {key}" if right else f"no signature of {key}"
