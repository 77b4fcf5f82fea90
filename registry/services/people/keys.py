"""The key that a person signs approvals with: registered by the person alone, with a fresh sign-in."""

from __future__ import annotations

from registry.domain.audit import Event
from registry.domain.people.keys import check_key
from registry.domain.people.people import Permission, Person
from registry.errors import ConflictError, PermissionDeniedError
from registry.services.context import Context
from registry.services.governance.reviews.own_account import check_own_account, check_sign_in
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork


def set_key(context: Context, handle: str, public: str, token: str) -> Person:
    """See `PeopleVerbs.set_key`. Approvals that the former key signed no longer count on open requests."""
    actor = context.actor
    actor.require(Permission.DECIDE)
    if handle != actor.handle:
        raise PermissionDeniedError(
            f"{actor.handle} may not register a key for {handle[:64]}",
            remedy=f"{handle[:64]} does it, signed in: forebear person key FILE",
        )
    key = check_key(public)
    with context.write() as uow:
        check_own_account(uow, context)
        check_sign_in(uow, context, token, "A key")
        person = found(uow.people.get(handle), f"person {handle}", see="person list")
        if person.service:
            raise PermissionDeniedError(f"{handle} is a service account, and signs no approvals")
        _check_not_taken(uow, person, key)
        uow.people.set_key(handle, key)
        uow.commit(key_event(handle, key))
    return found(_read(context, handle), f"person {handle}", see="person list")


def key_event(handle: str, key: str) -> Event:
    """The entry of the audit log about a key; an empty one was taken away."""
    return Event("person.key_set", f"person:{handle}", {"key": key})


def _check_not_taken(uow: UnitOfWork, person: Person, key: str) -> None:
    other = uow.people.with_key(key)
    if other is not None and other != person.handle:
        raise ConflictError("Another account has registered this key", remedy="Make a key of your own")


def _read(context: Context, handle: str) -> Person | None:
    with context.read() as uow:
        return uow.people.get(handle)
