"""The people's repository: accounts, role grants and tokens."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, func, insert, select, update

from lineage import Digest
from registry.domain.paging import Page, PageRequest
from registry.domain.people.erasure import Erasure
from registry.domain.people.identities import BoundIdentity
from registry.domain.people.passwords import KeptPassword
from registry.domain.people.people import Person, Reach, RoleOffer, Scope, TokenSummary
from registry.domain.people.sessions import SessionSummary
from registry.errors import ConflictError, NotFoundError
from registry.services.storage.people import KeptDevice, KeptSession, TakenKey
from registry.storage.people import devices
from registry.storage.people.identities import add_identity, change_identity, identities_of, identity_of, spend
from registry.storage.people.passwords import drop_password, kept_password, set_password
from registry.storage.people.sessions import (
    add_session,
    change_session,
    end_sessions,
    session_by,
    session_named,
    sessions_of,
)
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import idempotency_key, person, role_grant, role_offer, token


class SqlPeople:
    """Implements `PeopleRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, person: Person) -> None:
        if self.get(person.handle) is not None:
            raise ConflictError(
                f"There is a person with the handle {person.handle} already", remedy="Choose another handle"
            )
        self._connection.execute(
            insert(_people).values(
                handle=person.handle, name=person.name, service=person.service, created_at=person.created_at
            )
        )
        for role in person.roles:
            self.grant(person.handle, role, by=person.handle, at=person.created_at)

    def get(self, handle: str) -> Person | None:
        rows = self._connection.execute(with_roles(), {"handle": handle}).all()
        if not rows:
            return None
        row, roles = rows[0], tuple(one.role for one in rows if one.role is not None)
        return person_of(row, roles)

    def known(self, handles: Collection[str]) -> Sequence[Person]:
        query = select(person).where(person.c.handle.in_(sorted(handles))).order_by(person.c.handle)
        return self._people(self._connection.execute(query).all())

    def holding(self, roles: Collection[str]) -> Sequence[Person]:
        held = select(role_grant.c.person_id).where(
            role_grant.c.role.in_(sorted(roles)), role_grant.c.revoked_at.is_(None)
        )
        query = select(person).where(person.c.id.in_(held)).order_by(person.c.handle)
        return self._people(self._connection.execute(query).all())

    def held(self, roles: Collection[str], *, without: Collection[str], since: datetime) -> bool:
        lately = role_grant.c.revoked_at.is_(None) | (role_grant.c.revoked_at > since)
        query = (
            select(role_grant.c.id)
            .join(person, person.c.id == role_grant.c.person_id)
            .where(role_grant.c.role.in_(sorted(roles)), lately)
            .where(person.c.service.is_(False), person.c.handle.not_in(sorted(without)))
            .limit(1)
        )
        return self._connection.execute(query).first() is not None

    def search(self, page: PageRequest) -> Page[Person]:
        order = [SortBy(person.c.handle, str)]
        rows, cursor = page_rows(self._connection, select(person), order, page, scope="people")
        return Page(self._people(rows), cursor)

    def grant(self, handle: str, role: str, *, by: str, at: datetime) -> None:
        key = self._key(handle)
        if self._connection.execute(select(role_grant.c.id).where(*_held(key, role))).first() is None:
            self._connection.execute(insert(role_grant).values(person_id=key, role=role, granted_at=at, granted_by=by))

    def revoke(self, handle: str, role: str, *, by: str, at: datetime) -> None:
        held = _held(self._key(handle), role)
        self._connection.execute(update(role_grant).where(*held).values(revoked_at=at, revoked_by=by))

    def offer(self, offer: RoleOffer) -> None:
        self._connection.execute(
            insert(role_offer).values(
                person_id=self._key(offer.person),
                role=offer.role,
                offered_by=offer.offered_by,
                offered_at=offer.offered_at,
            )
        )

    def offers(self) -> Sequence[RoleOffer]:
        query = (
            select(role_offer, person.c.handle)
            .join(person, person.c.id == role_offer.c.person_id)
            .order_by(person.c.handle, role_offer.c.role)
        )
        return [RoleOffer(r.handle, r.role, r.offered_by, r.offered_at) for r in self._connection.execute(query)]

    def drop_offer(self, handle: str, role: str) -> None:
        mine = (role_offer.c.person_id == self._key(handle)) & (role_offer.c.role == role)
        self._connection.execute(delete(role_offer).where(mine))

    def identify(self, handle: str, identity: str) -> None:
        self._connection.execute(update(person).where(person.c.id == self._key(handle)).values(identity=identity))

    def set_key(self, handle: str, key: str) -> None:
        self._connection.execute(update(person).where(person.c.id == self._key(handle)).values(key=key))

    def with_key(self, key: str) -> str | None:
        return self._connection.scalars(select(person.c.handle).where(person.c.key == key)).first()

    def erase(self, erasure: Erasure) -> Mapping[str, str]:
        from registry.storage.people.erasing import erase_person  # noqa: PLC0415 - once in a person's life

        return erase_person(self._connection, erasure)

    def add_token(self, token: TokenSummary, secret_hash: Digest) -> None:
        self._connection.execute(
            insert(_tokens).values(
                public_id=token.id,
                person_id=self._key(token.person),
                label=token.label,
                last_four=token.last_four,
                secret_hash=secret_hash,
                created_at=token.created_at,
                expires_at=token.expires_at,
                last_used_at=token.last_used_at,
                revoked_at=token.revoked_at,
                made_by=token.made_by,
                scope=token.scope.value,
                teams=",".join(token.reach.teams),
                step=token.reach.step,
                enrolment=token.reach.enrolment,
                made_with=token.made_with,
                confirmed_by=token.confirmed_by,
            )
        )

    def token_by_hash(self, secret_hash: Digest) -> TokenSummary | None:
        row = self._connection.execute(_by_secret(), {"secret": secret_hash}).one_or_none()
        return None if row is None else _token(row)

    def tokens(self, person: str | None, page: PageRequest) -> Page[TokenSummary]:
        statement = _with_person()
        if person is not None:
            statement = statement.where(_people.c.handle == person)
        order = [SortBy(token.c.id, int, descending=True)]
        rows, cursor = page_rows(self._connection, statement, order, page, scope=f"tokens {person}")
        return Page([_token(row) for row in rows], cursor)

    def token(self, token_id: str) -> TokenSummary | None:
        row = self._connection.execute(_with_person().where(token.c.public_id == token_id)).one_or_none()
        return None if row is None else _token(row)

    def confirm_token(self, token_id: str, *, by: str) -> None:
        self._change_token(token_id, confirmed_by=by)

    def revoke_token(self, token_id: str, *, at: datetime) -> None:
        self._change_token(token_id, revoked_at=at)

    def touch_token(self, token_id: str, *, at: datetime) -> None:
        self._change_token(token_id, last_used_at=at)

    def add_session(self, session: KeptSession) -> None:
        add_session(self._connection, self._key(session.summary.person), session)

    def session(self, session_id: str) -> KeptSession | None:
        return session_by(self._connection, session_id)

    def session_named(self, name: Digest) -> KeptSession | None:
        return session_named(self._connection, name)

    def change_session(self, before: KeptSession, after: KeptSession) -> bool:
        return change_session(self._connection, before, after)

    def sessions(self, person: str, *, since: datetime, now: datetime, page: PageRequest) -> Page[SessionSummary]:
        return sessions_of(self._connection, person, since=since, now=now, page=page)

    def end_sessions(self, person: str, *, at: datetime) -> int:
        return end_sessions(self._connection, self._key(person), at=at)

    def kept_password(self, handle: str) -> KeptPassword | None:
        return kept_password(self._connection, handle)

    def set_password(self, kept: KeptPassword) -> None:
        set_password(self._connection, self._key(kept.summary.person), kept)

    def drop_password(self, handle: str) -> None:
        drop_password(self._connection, self._key(handle))

    def identity(self, issuer: str, subject: str) -> BoundIdentity | None:
        return identity_of(self._connection, issuer, subject)

    def identities(self, handle: str) -> Sequence[BoundIdentity]:
        return identities_of(self._connection, handle)

    def add_identity(self, bound: BoundIdentity) -> None:
        add_identity(self._connection, self._key(bound.person), bound)

    def change_identity(self, bound: BoundIdentity) -> None:
        change_identity(self._connection, bound)

    def spend(self, spent: Digest, *, at: datetime) -> bool:
        return spend(self._connection, spent, at=at)

    def add_device(self, kept: KeptDevice) -> None:
        devices.add_device(self._connection, kept)

    def device(self, name: Digest) -> KeptDevice | None:
        return devices.device(self._connection, name)

    def device_of(self, code: str) -> KeptDevice | None:
        return devices.device_of(self._connection, code)

    def change_device(self, kept: KeptDevice) -> None:
        devices.change_device(self._connection, kept)

    def drop_device(self, name: Digest) -> None:
        devices.drop_device(self._connection, name)

    def drop_devices_of(self, handle: str) -> None:
        devices.drop_devices_of(self._connection, handle)

    def taken_key(self, handle: str, key: str) -> TakenKey | None:
        row = self._connection.execute(select(_keys).where(*self._one_key(handle, key))).one_or_none()
        if row is None:
            return None
        return TakenKey(row.key, row.request, row.attempt, row.until, row.status, row.media, row.body)

    def keys_of(self, handle: str) -> tuple[int, datetime | None]:
        query = select(func.count(), func.min(_keys.c.until)).where(_keys.c.person_id == self._key(handle))
        count, oldest = self._connection.execute(query).one()
        return count, oldest

    def take_key(self, handle: str, taken: TakenKey) -> None:
        values = {field: getattr(taken, field) for field in taken.__slots__}
        self._connection.execute(insert(_keys).values(person_id=self._key(handle), **values))

    def keep_answer(self, handle: str, key: str, status: int, media: str, body: bytes | None) -> None:
        changed = update(_keys).where(*self._one_key(handle, key)).values(status=status, media=media, body=body)
        self._connection.execute(changed)

    def forget_keys(self, *, before: datetime) -> None:
        self._connection.execute(delete(_keys).where(_keys.c.until <= before))

    def _one_key(self, handle: str, key: str) -> tuple[Any, ...]:
        return (_keys.c.person_id == self._key(handle), _keys.c.key == key)

    def _change_token(self, token_id: str, **values: datetime | str) -> None:
        changed = self._connection.execute(update(token).where(token.c.public_id == token_id).values(values))
        if changed.rowcount == 0:
            raise NotFoundError(f"There is no token {token_id}")

    def _key(self, handle: str) -> int:
        key = self._connection.execute(select(person.c.id).where(person.c.handle == handle)).scalar_one_or_none()
        if key is None:
            raise NotFoundError(f"Unknown user {handle!r}")
        return key

    def _people(self, rows: Sequence[Row[Any]]) -> list[Person]:
        query = (
            select(role_grant.c.person_id, role_grant.c.role)
            .where(role_grant.c.person_id.in_([row.id for row in rows]), role_grant.c.revoked_at.is_(None))
            .order_by(role_grant.c.role)
        )
        roles: dict[int, list[str]] = {}
        for key, role in self._connection.execute(query):
            roles.setdefault(key, []).append(role)
        return [person_of(r, tuple(roles.get(r.id, ()))) for r in rows]


_people, _tokens, _keys = person, token, idempotency_key


def _held(key: int, role: str) -> tuple[Any, ...]:
    return (role_grant.c.person_id == key, role_grant.c.role == role, role_grant.c.revoked_at.is_(None))


@cache
def with_roles() -> Any:
    """The person with the bound `handle`, once for each role, and once without any."""
    held = and_(role_grant.c.person_id == person.c.id, role_grant.c.revoked_at.is_(None))
    mine = select(person, role_grant.c.role).outerjoin(role_grant, held)
    return mine.where(person.c.handle == bindparam("handle")).order_by(role_grant.c.role)


def person_of(row: Row[Any], roles: tuple[str, ...]) -> Person:
    """The person of a row of `person`."""
    return Person(row.handle, row.name, roles, row.created_at, row.service, row.identity, key=row.key)


@cache
def _by_secret() -> Any:
    return _with_person().where(token.c.secret_hash == bindparam("secret"))


def _with_person() -> Any:
    return select(token, person.c.handle).join(person, person.c.id == token.c.person_id)


def _token(row: Row[Any]) -> TokenSummary:
    return TokenSummary(
        id=row.public_id,
        person=row.handle,
        label=row.label,
        last_four=row.last_four,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        made_by=row.made_by,
        scope=Scope(row.scope),
        reach=Reach(tuple(filter(None, row.teams.split(","))), row.step, row.enrolment),
        made_with=row.made_with,
        confirmed_by=row.confirmed_by,
    )
