"""Tokens for machines without a browser: a machine asks, a person who is signed in allows it, and it gets one once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.people.devices import (
    GOOD_FOR,
    INTERVAL,
    SCOPES,
    SLOWER,
    BegunDevice,
    DeviceAnswer,
    DeviceRequest,
    DeviceState,
    DeviceWish,
    new_device_code,
    new_user_code,
)
from registry.domain.people.people import BY_DEVICE, Permission
from registry.domain.people.signing_in import AskedToken
from registry.domain.people.tokens import MAX_DAYS, hash_secret
from registry.domain.text import check_words
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError
from registry.services.context import Context
from registry.services.people.passwords import check_wish
from registry.services.people.tokens import maker, new_token, refuse_limited, token_event
from registry.services.storage.people import KeptDevice
from registry.services.unit_of_work import UnitOfWork

PAGE = "/device"


@dataclass(frozen=True, slots=True)
class Devices:
    """Implements `DeviceVerbs` over a unit of work."""

    context: Context

    def begin(self, wish: DeviceWish, address: str) -> BegunDevice:
        """Ask for a token; see `DeviceVerbs.begin`. Nothing is granted by it, so the audit log has no entry."""
        if wish.scope not in SCOPES:
            raise InvalidError(
                f"A machine without a browser gets a token for read, use or contribute, not for {wish.scope}",
                remedy="For more make one, with forebear token create, and sign in with it: forebear login URL",
            )
        label = check_wish(AskedToken(wish.machine, wish.scope, wish.days))
        client, now = check_words(wish.client, "name of a program", 128), self.context.clock.now()
        secret, code = new_device_code(), new_user_code()
        request = DeviceRequest(code, label, client, wish.scope, wish.days, address, now, now + GOOD_FOR)
        with self._open() as uow:
            uow.people.add_device(KeptDevice(request, _hash(secret), DeviceState.PENDING, INTERVAL))
            uow.commit_unaudited()
        return BegunDevice(secret, code, f"{PAGE}?code={code}", int(GOOD_FOR.total_seconds()), INTERVAL)

    def show(self, code: str) -> DeviceRequest:
        """Who asks for what with this code. Raises: NotFoundError."""
        with self.context.read() as uow:
            return self._waiting(uow, code).request

    def allow(self, code: str) -> DeviceRequest:
        """Allow it as the person who is signed in; see `DeviceVerbs.allow`."""
        actor = self.context.actor
        refuse_limited(actor)
        if actor.service:
            raise PermissionDeniedError(f"{actor.handle} is a service account", remedy="An admin makes its tokens")
        with self.context.write(Permission.READ) as uow:
            kept = self._waiting(uow, code)
            request = replace(kept.request, days=min(kept.request.days, self._days_left()))
            by = maker(uow, self.context)
            granted = replace(kept, request=request, state=DeviceState.GRANTED, person=actor.handle, made_by=by)
            uow.people.change_device(granted)
            uow.commit(_event("device.allowed", actor.handle, request))
        return request

    def _days_left(self) -> int:
        """Whole days that the token is good for that the actor signed in with: what it allows ends no later.

        Raises: PermissionDeniedError for less than one.
        """
        if self.context.actor.until is None:
            return MAX_DAYS
        left = (self.context.actor.until - self.context.clock.now() - GOOD_FOR).days
        if left < 1:
            raise PermissionDeniedError(
                "The token that you are signed in with ends within a day, and a token that it allows ends no later",
                remedy="Sign in with another one, or renew it: forebear token renew",
            )
        return left

    def refuse(self, code: str) -> DeviceRequest:
        """Refuse it: the machine is told so. Raises: NotFoundError."""
        actor = self.context.actor
        with self.context.write(Permission.READ) as uow:
            kept = self._waiting(uow, code)
            uow.people.change_device(replace(kept, state=DeviceState.DENIED))
            uow.commit(_event("device.refused", actor.handle, kept.request))
        return kept.request

    def poll(self, device_code: str) -> DeviceAnswer:
        """What became of it; the token, once. See `DeviceVerbs.poll`."""
        now, name = self.context.clock.now(), _hash(device_code)
        with self._open() as uow:
            kept = uow.people.device(name)
            if kept is None or kept.request.expires_at <= now:
                return DeviceAnswer(DeviceState.EXPIRED, INTERVAL)
            if kept.polled_at is not None and now - kept.polled_at < timedelta(seconds=kept.interval - 1):
                slower = replace(kept, interval=kept.interval + SLOWER, polled_at=now)
                uow.people.change_device(slower)
                uow.commit_unaudited()
                return DeviceAnswer(DeviceState.SLOW_DOWN, slower.interval)
            if kept.state is DeviceState.PENDING:
                uow.people.change_device(replace(kept, polled_at=now))
                uow.commit_unaudited()
                return DeviceAnswer(DeviceState.PENDING, kept.interval)
            uow.people.drop_device(name)
            if kept.state is not DeviceState.GRANTED or uow.people.get(kept.person) is None:
                uow.commit_unaudited()
                return DeviceAnswer(DeviceState.DENIED, kept.interval)
            asked = kept.request
            made = new_token(
                kept.person, asked.machine, asked.scope, days=asked.days, now=now, made_by=kept.made_by,
                made_with=BY_DEVICE,
            )  # fmt: skip
            uow.people.add_token(made.summary, hash_secret(made.secret))
            event = token_event("token.created", made.summary)
            uow.commit(replace(event, detail={**event.detail, "means": "device", "address": asked.address}))
        return DeviceAnswer(DeviceState.GRANTED, kept.interval, made)

    def _waiting(self, uow: UnitOfWork, code: str) -> KeptDevice:
        kept = uow.people.device_of(code)
        if kept is None or kept.request.expires_at <= self.context.clock.now():
            raise NotFoundError(
                "No machine waits with this code", remedy="Check it, or begin again: forebear login URL"
            )
        if kept.state is not DeviceState.PENDING:
            raise ConflictError("Somebody has decided about this code already", remedy="Begin again on the machine")
        return kept

    def _open(self) -> UnitOfWork:
        return self.context.open_uow(actor=self.context.actor.handle, write=True)


def _event(action: str, handle: str, request: DeviceRequest) -> Event:
    facts = {"machine": request.machine, "client": request.client, "address": request.address}
    return Event(action, f"person:{handle}", {**facts, "scope": request.scope.value, "days": request.days})


def _hash(device_code: str) -> Digest:
    return Digest.of(device_code.encode())
