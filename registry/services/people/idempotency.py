"""One effect for each idempotency key: it is written in the transaction of the effect, and its answer afterwards.

A key that was written without an answer belongs to a request that is still being carried out, or whose process ended
before it answered: the effect is there, and a repetition is refused instead of having it twice.
"""

from __future__ import annotations

import zlib
from datetime import datetime

from registry.domain.people.idempotency import KEPT_FOR, MAX_ANSWER, MAX_KEYS, Answer, Claim
from registry.domain.people.people import Permission
from registry.errors import KeyReusedError, RepeatedRequestError, TooManyKeysError
from registry.services.context import Context
from registry.services.storage.people import TakenKey
from registry.services.unit_of_work import UnitOfWork


def take(context: Context, uow: UnitOfWork, claim: Claim) -> None:
    """Take the key for this attempt, in the transaction of what it changes.

    Raises: KeyReusedError, RepeatedRequestError, TooManyKeysError.
    """
    now, handle = context.clock.now(), context.actor.handle
    uow.people.forget_keys(before=now)
    taken = uow.people.taken_key(handle, claim.key)
    if taken is not None:
        if taken.attempt != claim.attempt:
            raise _refusal(taken, claim)
        return
    held, oldest = uow.people.keys_of(handle)
    if held >= MAX_KEYS and oldest is not None:
        raise TooManyKeysError(
            f"{handle} used {MAX_KEYS:,} idempotency keys in a day",
            remedy="Wait, or send requests without a key",
            facts={"retry_after": max(1, round((oldest - now).total_seconds()))},
        )
    uow.people.take_key(handle, TakenKey(claim.key, claim.request, claim.attempt, now + KEPT_FOR, None, "", None))


def answer_to(context: Context, claim: Claim) -> Answer | None:
    """What the first attempt was answered with, None for a free key. Raises: KeyReusedError, RepeatedRequestError."""
    context.actor.require(Permission.READ)
    with context.read() as uow:
        taken = _live(uow.people.taken_key(context.actor.handle, claim.key), context.clock.now())
    if taken is None:
        return None
    if taken.request != claim.request or taken.status is None or taken.body is None:
        raise _refusal(taken, claim)
    return Answer(taken.status, taken.media, zlib.decompress(taken.body))


def keep(context: Context, claim: Claim, answer: Answer) -> None:
    """Keep the answer of the attempt that took the key, or take it now for one that changed nothing."""
    packed = None if answer.body is None else zlib.compress(answer.body)
    if packed is not None and len(packed) > MAX_ANSWER:
        packed = None
    with context.without_terms().write(Permission.READ) as uow:
        taken = uow.people.taken_key(context.actor.handle, claim.key)
        if taken is None:
            take(context, uow, claim)
        elif taken.attempt != claim.attempt:
            return
        uow.people.keep_answer(context.actor.handle, claim.key, answer.status, answer.media, packed)
        uow.commit_unaudited()


def _live(taken: TakenKey | None, now: datetime) -> TakenKey | None:
    return taken if taken is not None and taken.until > now else None


def _refusal(taken: TakenKey, claim: Claim) -> KeyReusedError | RepeatedRequestError:
    if taken.request != claim.request:
        return KeyReusedError(
            "This Idempotency-Key was sent before with another method, address or body",
            remedy="Send a new key with each new request",
        )
    if taken.status is None:
        return RepeatedRequestError(
            "The request with this Idempotency-Key is being carried out, or its server ended before it answered",
            remedy="Send it again in a moment; if this goes on, look at what it has made",
            facts={"answered": False},
        )
    return RepeatedRequestError(
        "The request with this Idempotency-Key was carried out, and its answer cannot be given again",
        remedy="Answers with a secret, and very large ones, are not kept; look at what the request has made",
        facts={"answered": True, "status": taken.status},
    )
