"""People, roles and tokens; what a role allows."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from registry.domain.ids import is_id
from registry.domain.names import MAX_NAME, PART
from registry.domain.people.teams import EVERYTHING, Sight
from registry.errors import InvalidError, PermissionDeniedError

HANDLE = "[a-z0-9]+(?:[-_.][a-z0-9]+)*"
ROLE = "[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*"
"""The forms of a handle and of a role, as regular expressions."""
_HANDLE, _ROLE, _TEAM = re.compile(HANDLE), re.compile(ROLE), re.compile(PART)
MAX_TEAMS = 20
"""Teams that one token can be limited to."""


class Permission(StrEnum):
    """What a person needs to be allowed to call a verb."""

    READ = "read"
    """See everything but the bytes of models and the rows of data."""
    USE = "use"
    """Read files and rows: download, pull, preview."""
    EDIT = "edit"
    """Import, register data, run transfers, describe, request promotion, add evidence."""
    DECIDE = "decide"
    """Vote, confirm, suspend, recall, roll back, as far as the policy lets one."""
    ADMIN = "admin"
    """People, roles, tokens of others, policies, deleting."""


READING_ROLES = frozenset({"viewer", "reader", "guest", "auditor", "forensics"})
"""Roles that may read everything and change nothing, in every registry."""
OWN_ROLES = READING_ROLES | {"admin", "developer"}
"""Roles that every registry has; the others are those that its published policies name."""
ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    "admin": frozenset(Permission),
    **dict.fromkeys(READING_ROLES, frozenset({Permission.READ, Permission.USE})),
}
EDITOR = frozenset(Permission) - {Permission.ADMIN}
"""What developer and every role of a policy allow; the policy decides whose vote counts."""


class Scope(StrEnum):
    """The most that a token allows, whatever the roles of its person. Each scope includes those before it."""

    READ = "read"
    USE = "use"
    CONTRIBUTE = "contribute"
    VOTE = "vote"
    ADMIN = "admin"

    @property
    def permissions(self) -> frozenset[Permission]:
        """What it lets through."""
        return frozenset(list(Permission)[: list(Scope).index(self) + 1])

    def includes(self, other: Scope) -> bool:
        """True when everything that `other` allows is allowed by this one too."""
        return self.permissions >= other.permissions


@dataclass(frozen=True, slots=True)
class Reach:
    """What a token is limited to besides its scope: the models and datasets of teams, or one transfer step.

    One for `enrolment` does nothing but make the first token of its person, once.
    """

    teams: tuple[str, ...] = ()
    step: str = ""
    enrolment: bool = False

    @property
    def limited(self) -> bool:
        """True for a limit of either kind."""
        return bool(self.teams or self.step or self.enrolment)

    def __str__(self) -> str:
        if self.enrolment:
            return "making a token of one's own"
        if self.step:
            return f"the step {self.step}"
        return f"the team{'s' if len(self.teams) > 1 else ''} {', '.join(self.teams)}"


EVERYWHERE = Reach()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is acting, with which roles; set by authentication or by the local command line, never by a request body."""

    handle: str
    roles: frozenset[str]
    service: bool = False
    token: str | None = field(default=None, compare=False)
    """The id of the token that they signed in with; None on the command line of the registry folder."""
    session: str = field(default="", compare=False, metadata={"inside": True})
    """The id of the session of a browser that they act in; empty for a program."""
    scope: Scope = Scope.ADMIN
    """That of the token, where one was used."""
    reach: Reach = EVERYWHERE
    """That of the token; it is checked where requests come in (`registry/auth/reach.py`)."""
    sight: Sight = field(default=EVERYTHING, compare=False, repr=False, metadata={"inside": True})
    """The closed teams, and the person's levels in them; it is checked in every verb (`registry/services/sight`)."""
    until: datetime | None = field(default=None, compare=False, repr=False, metadata={"inside": True})
    """When the token ends; None without one."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the roles allow and the scope lets through; without a role, nothing is allowed."""
        allowed = frozenset[Permission]().union(*(ROLE_PERMISSIONS.get(role, EDITOR) for role in self.roles))
        return allowed & self.scope.permissions

    def require(self, permission: Permission) -> None:
        """The one place where permissions are checked. Raises: PermissionDeniedError."""
        if permission not in self.scope.permissions:
            wanted = next(one for one in Scope if permission in one.permissions)
            raise PermissionDeniedError(
                f"This token of {self.handle} has the scope {self.scope}, and this needs the scope {wanted}",
                remedy=f"Use another token: forebear token create {self.handle} --scope {wanted}",
                facts={"permission": permission.value, "scope": self.scope.value},
            )
        if permission not in self.permissions:
            raise PermissionDeniedError(
                f"{self.handle} may not do this: it needs the permission {permission!s}",
                remedy="Ask an admin for a role: forebear role grant PERSON ROLE",
                facts={"permission": permission.value, "roles": sorted(self.roles)},
            )


SYSTEM = Actor("system", frozenset({"admin"}), service=True)
"""The registry itself: for authentication, the first commit, and what is due by time."""


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who may sign in. `service` accounts may work but their votes never count."""

    handle: str
    name: str
    roles: tuple[str, ...]
    created_at: datetime
    service: bool = False
    identity: str = ""
    """The handle of the account that this one belongs to, as others of the same person may; empty for one alone."""
    offered: tuple[str, ...] = ()
    """Roles that were just offered, and are held once somebody else confirms them."""
    key: str = ""
    """The public Ed25519 key that they sign approvals with, in hexadecimal; empty without one."""

    @property
    def who(self) -> str:
        """What is the same for all accounts of one person."""
        return self.identity or self.handle


@dataclass(frozen=True, slots=True)
class RoleOffer:
    """A role whose holder decides, offered by one person and not yet confirmed by another."""

    person: str
    role: str
    offered_by: str
    offered_at: datetime


AT_HOME, BY_PASSWORD, BY_DEVICE = "command-line", "password", "device"
"""What makes tokens besides sessions and tokens: the command line of the registry folder, the password of their person,
and whoever allowed it to a machine without a browser, which is mostly a session."""


@dataclass(frozen=True, slots=True)
class TokenSummary:
    """A token as lists show it: never the secret, only its last four characters."""

    id: str
    person: str
    label: str
    last_four: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    made_by: str = ""
    """Who could have made it: mostly its person, else who made what they were signed in with; empty for one from
    before that was recorded."""
    scope: Scope = Scope.ADMIN
    """The most that it allows; `admin` sets no limit to what the roles allow."""
    reach: Reach = EVERYWHERE
    made_with: str = ""
    """The id of the session that made it, itself or by a token that it had made; else of the token that did, or one
    of the words below; empty for one from before this was recorded."""
    confirmed_by: str = ""
    """Of one for enrolment, who confirmed it: before that it is good for nothing."""

    @property
    def of_session(self) -> bool:
        """True where a session made it, itself or by a token that it had made."""
        return self.made_with.startswith("ses-")


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token as it is shown once, when it is made: `secret` is `fbr_` + 32 base-62 characters + 6 of checksum."""

    summary: TokenSummary
    secret: str


def check_reach(teams: Collection[str], step: str) -> Reach:
    """What a token is to be limited to. Raises: InvalidError."""
    if teams and step:
        raise InvalidError("A token is limited to teams or to one step, not to both")
    for one in teams:
        if not _TEAM.fullmatch(one) or len(one) > MAX_NAME:
            raise InvalidError(f"{one[:80]!r} is not the name of a team", remedy="Write it as in team/name")
    if step and not (is_id(step) and step.startswith("step-")):
        raise InvalidError(f"{step[:80]!r} is not the id of a step", remedy="List the steps: forebear transfer list")
    if len(teams) > MAX_TEAMS:
        raise InvalidError(f"A token is limited to {MAX_TEAMS} teams at most")
    return Reach(tuple(sorted(set(teams))), step)


def is_handle(text: str) -> bool:
    """True where `text` can be a handle."""
    return len(text) <= 64 and _HANDLE.fullmatch(text) is not None


def check_handle(text: str) -> str:
    """`text` if it can be a handle. Raises: InvalidError."""
    if not is_handle(text):
        raise InvalidError(
            f"{text[:80]!r} is not a valid handle", remedy="Use lower-case letters and digits, for example ana"
        )
    return text


def check_role(text: str) -> str:
    """`text` if it can be a role. Raises: InvalidError."""
    if not _ROLE.fullmatch(text) or len(text) > 64:
        raise InvalidError(f"{text[:80]!r} is not a valid role", remedy="Use a lower-case word, for example validator")
    return text
