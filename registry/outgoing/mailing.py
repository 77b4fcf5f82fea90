"""Sends e-mail over one connection to the mail server, encrypted and verified, within one time limit.

`smtplib` of the standard library in the thread that sends: messages are few and go one after the other, so an
asynchronous client would only add a package and an event loop.
"""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from registry.domain.notifications.mail import MailServer
from registry.errors import RegistryError
from registry.outgoing.addresses import places_of
from registry.outgoing.deadlines import Deadline
from registry.outgoing.posting import Outcome

SECONDS = 30.0
"""For all that is sent over one connection."""
_READY = 220
_POLICY = SMTP.clone(max_line_length=900)
"""A subject is one line: one that is folded begins with a space for some readers. RFC 5322 allows 998 characters."""
_OURSELVES = "[127.0.0.1]"
"""Who we say that we are, as one without a name does: to look up our own name may take long."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message; `id` is the same each time that it is sent."""

    id: str
    to: str
    subject: str
    text: str
    at: datetime


def send_letters(server: MailServer, letters: Sequence[Letter], *, seconds: float = SECONDS) -> Sequence[Outcome]:
    """What came of each, in their order; nothing that the server does raises an error.

    A status of 500 or more is of a server that will never take the message.
    """
    outcomes: list[Outcome] = []
    with Deadline(seconds) as deadline:
        try:
            with _connected(server, deadline) as connection:
                for letter in letters:
                    outcomes.append(_sent(connection, server, letter))  # noqa: PERF401 - those before a failure count
        except (OSError, smtplib.SMTPException, ValueError, RegistryError) as error:
            problem = f"The mail server did not answer within {seconds:g} s" if deadline.over else _problem_of(error)
            outcomes += [Outcome(None, problem, 0.0)] * (len(letters) - len(outcomes))
    return outcomes


@contextlib.contextmanager
def _connected(server: MailServer, deadline: Deadline) -> Iterator[smtplib.SMTP]:
    """A connection to the mail server: what `smtplib` does itself to connect has no time limit as a whole."""
    places = places_of(server.host, server.port, allowed=(server.host,), seconds=deadline.left)
    plain = deadline.connect(places)
    connection = smtplib.SMTP(local_hostname=_OURSELVES)
    connection.sock = _encrypted(plain, server, deadline) if server.encrypted else plain
    try:
        _expect(connection.getreply())
        connection.ehlo_or_helo_if_needed()
        if not server.encrypted and (connection.has_extn("starttls") or not server.is_own_machine):
            if not connection.has_extn("starttls"):  # nothing is sent in the clear
                raise smtplib.SMTPNotSupportedError
            _expect(connection.docmd("STARTTLS"))
            connection.sock, connection.file = _encrypted(plain, server, deadline), None
            connection.ehlo()  # what was said in the clear does not count
        if server.user:
            connection.login(server.user, server.password)
        yield connection
        with contextlib.suppress(OSError, smtplib.SMTPException):  # all messages were taken
            connection.quit()
    finally:
        connection.close()


def _encrypted(plain: socket.socket, server: MailServer, deadline: Deadline) -> ssl.SSLSocket:
    context = ssl.create_default_context()
    encrypted = context.wrap_socket(plain, server_hostname=server.host, do_handshake_on_connect=False)
    deadline.watch(encrypted)
    encrypted.do_handshake()
    return encrypted


def _expect(reply: tuple[int, bytes]) -> None:
    if reply[0] != _READY:
        raise smtplib.SMTPResponseException(*reply)


def _sent(connection: smtplib.SMTP, server: MailServer, letter: Letter) -> Outcome:
    """What came of one message. Raises: what ends the connection."""
    try:
        connection.send_message(_written(server, letter), server.sender, [letter.to])
    except smtplib.SMTPRecipientsRefused as error:
        status, _ = next(iter(error.recipients.values()))
        return Outcome(status, f"The mail server refused the address of the person ({status})", 0.0)
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPResponseException as error:
        return Outcome(error.smtp_code, f"The mail server refused the message ({error.smtp_code})", 0.0)
    return Outcome(250, "", 0.0)


def _written(server: MailServer, letter: Letter) -> EmailMessage:
    """The message. Raises: ValueError for a header with a line end, which its makers have taken out."""
    message = EmailMessage(_POLICY)
    message["From"], message["To"], message["Subject"] = server.sender, letter.to, letter.subject
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.id}@{server.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers
    message.set_content(letter.text)
    return message


def _problem_of(error: Exception) -> str:
    if isinstance(error, RegistryError):
        return error.message
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the mail server cannot be verified: {error.verify_message.rstrip('.')}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "The mail server offers no encryption (STARTTLS) or no sign-in, so nothing was sent to it"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The mail server refused the sign-in ({error.smtp_code})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"The mail server refused the connection ({error.smtp_code})"
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "The mail server did not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return f"The mail server cannot be reached: {error.strerror}"
    return "The mail server ended the connection"
