"""Timestamps of checkpoints: an authority signs that it saw one, and when (RFC 3161).

The authority is asked for the newest checkpoint only, which covers all entries before it. What it answers is kept as it
came, beside the checkpoints, and only where it verifies: `openssl ts -verify` reads it as well.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from registry.domain.audit import AuditReport
from registry.domain.verifier import Checkpoint
from registry.errors import AuditBrokenError, RegistryError, UnavailableError
from registry.outgoing.posting import post
from registry.services.extras import install_command
from registry.services.storage.audit import Checkpointing
from registry.settings import Settings

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

EXTRA = "timestamps"
MOST = 64 * 1024
"""Bytes of an answer; some have five certificates in them."""
_ASKING = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who is asked, and the certificates that its answers have to lead to."""

    url: str
    roots: Sequence[Certificate]

    @classmethod
    def of(cls, settings: Settings) -> Self | None:
        """The authority of the settings; None where there is none. Raises: UnavailableError."""
        if settings.timestamp_url is None:
            return None
        if settings.timestamp_roots is None:
            raise UnavailableError(
                "FOREBEAR_TIMESTAMP_URL is set and FOREBEAR_TIMESTAMP_ROOTS is not",
                remedy="Name a PEM file with the certificates that the authority's answers lead to",
            )
        return cls(settings.timestamp_url, read_roots(settings.timestamp_roots))

    def stamp(self, signing: Checkpointing, one: Checkpoint) -> None:
        """Ask for a timestamp of `one`, unless it has one. Raises: UnavailableError, AuditBrokenError."""
        if signing.timestamp(one.size) is not None:
            return
        from rfc3161_client import HashAlgorithm, TimestampRequestBuilder  # noqa: PLC0415 - an extra, seldom used

        text = stamped(one)
        asked = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
        host = urlsplit(self.url).hostname or ""  # the operator of the server named it: it may be an own machine
        answer = post(self.url, asked.as_bytes(), _ASKING, allowed=(host,), most=MOST)
        if not answer.accepted:
            raise UnavailableError(f"The timestamp authority gave no timestamp: {answer.problem}")
        checked_at(text, answer.body, self.roots, nonce=asked.nonce)
        signing.keep_timestamp(one, answer.body)


def stamp_newest(settings: Settings, signing: Checkpointing) -> None:
    """Ask for a timestamp of the newest checkpoint, where an authority is set. What hinders it is logged."""
    try:
        authority, newest = Authority.of(settings), signing.newest()
        if authority is not None and newest is not None:
            authority.stamp(signing, newest)
    except RegistryError as error:
        _log.warning("A checkpoint of the audit log has no timestamp: %s", error)


def read_roots(file: Path) -> Sequence[Certificate]:
    """The certificates of a PEM file. Raises: UnavailableError, also where the extra is not installed."""
    try:
        import rfc3161_client  # noqa: F401, PLC0415 - an extra
        from cryptography.x509 import load_pem_x509_certificates  # noqa: PLC0415 - 70 ms
    except ImportError as error:
        raise UnavailableError(
            "Timestamps need a library that is not installed", remedy=f"Run: {install_command([EXTRA])}"
        ) from error
    try:
        return load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"{file} cannot be read as certificates", remedy="It is a PEM file: -----BEGIN CERTIFICATE-----"
        ) from error


def stamped(one: Checkpoint) -> bytes:
    """The bytes that a timestamp is of: those of the file that an anchor has."""
    return f"{one}\n".encode()


def checked_at(text: bytes, token: bytes, roots: Sequence[Certificate], *, nonce: int | None = None) -> datetime:
    """When the authority saw `text`. Raises: AuditBrokenError for anything else than its answer about these bytes."""
    from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response  # noqa: PLC0415 - an extra

    try:
        answer: TimeStampResponse = decode_timestamp_response(token)
        VerifierBuilder(roots=list(roots), nonce=nonce).build().verify_message(answer, text)
    except (VerificationError, ValueError) as error:
        raise AuditBrokenError(f"A timestamp does not verify: {error}") from error
    return answer.tst_info.gen_time


def verified(report: AuditReport, signing: Checkpointing, settings: Settings) -> AuditReport:
    """`report` with how many checkpoints have a timestamp that verifies, or with the first one that does not.

    Without certificates in the settings, or without the library, a warning says that they were not verified.
    """
    tokens = signing.timestamps()
    if not tokens:
        return report
    try:
        if settings.timestamp_roots is None:
            raise UnavailableError("FOREBEAR_TIMESTAMP_ROOTS names no certificates")
        roots = read_roots(settings.timestamp_roots)
    except UnavailableError as error:
        return replace(report, warnings=(*report.warnings, f"The timestamps were not verified: {error}"))
    for one in signing.all():
        token = tokens.pop(one.size, None)
        if token is None:
            continue
        try:
            checked_at(stamped(one), token, roots)
        except AuditBrokenError as error:
            reason = f"the timestamp of the checkpoint of {one.size} entries is not about it: {error.message}"
            return replace(report, first_bad=one.size, reason=reason)
        report = replace(report, timestamps=report.timestamps + 1)
    if tokens:
        reason = f"there is a timestamp of a checkpoint of {min(tokens)} entries, and no such checkpoint"
        return replace(report, first_bad=min(tokens), reason=reason)
    return report
