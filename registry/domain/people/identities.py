"""Who somebody is at an identity provider, and which account here is theirs."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from registry.domain.people.erasure import PREFIX
from registry.domain.people.people import is_handle


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody whom a provider has signed in. `issuer` and `subject` say who: nothing else is used for that."""

    issuer: str
    subject: str
    handle: str = ""
    """What they are called there; a new account gets a handle like it."""
    name: str = ""
    groups: tuple[str, ...] = ()
    anew: bool = False
    """Whether the provider says that it has asked them anew who they are, for this very sign-in."""


@dataclass(frozen=True, slots=True)
class BoundIdentity:
    """The account that an identity belongs to for good, and the roles that its groups gave it."""

    person: str
    issuer: str
    subject: str
    roles: tuple[str, ...]
    bound_at: datetime
    live: bool = True
    """False for one that has to be bound anew: others may have had the account in their hands."""
    made_by: str = ""
    """Who could sign in as this person when it was bound; empty where the account came with it."""


def handle_like(text: str) -> str:
    """A handle like `text`: lower-case letters and digits with single dots, dashes or underscores between them."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    made = (
        re.sub(r"[^a-z0-9]*([-_.])[^a-z0-9]*|[^a-z0-9]+", lambda one: one[1] or "-", plain)
        .strip("-_.")[:40]
        .strip("-_.")
    )
    return made if is_handle(made) and made != "system" and not made.startswith(PREFIX) else "person"
