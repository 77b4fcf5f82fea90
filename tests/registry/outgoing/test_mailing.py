"""E-mail goes over a connection that is encrypted and verified, and what becomes of it is told as a sentence."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from registry.domain.notifications.mail import MailServer, read_server
from registry.outgoing.mailing import Letter, send_letters
from tests.builders import NOW
from tests.certificates import certificate
from tests.mailing import posting

SENDER = "forebear@example.org"


def letter(to: str = "ana@example.org", subject: str = "Look") -> Letter:
    return Letter("topic.1", to, subject, "Something waits.\n.\nFor you: \u00e9\n", NOW)


def server(url: str) -> MailServer:
    return read_server(url, SENDER)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("mail") / "cert.pem")


def test_a_message_arrives_as_it_was_written() -> None:
    with posting() as post:
        (outcome,) = send_letters(server(post.url()), [letter()])
    assert outcome.accepted
    ((to, message),) = post.got
    assert (to, message["To"], message["From"]) == ("ana@example.org", "ana@example.org", SENDER)
    assert (message["Subject"], message["Message-ID"]) == ("Look", "<topic.1@example.org>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content().replace("\r\n", "\n") == "Something waits.\n.\nFor you: \u00e9\n"


@pytest.mark.parametrize("at_once", [False, True])
def test_the_connection_is_encrypted_and_signed_in_with_a_certificate_that_is_trusted(
    pem: Path, monkeypatch: pytest.MonkeyPatch, at_once: bool
) -> None:
    scheme = "smtps" if at_once else "smtp"
    with posting(certificate=pem, at_once=at_once) as post:
        (refused,) = send_letters(server(post.url(scheme, "bot:secret@")), [letter()])
        assert "certificate of the mail server cannot be verified" in refused.problem
        assert (post.got, post.signed_in) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        (outcome,) = send_letters(server(post.url(scheme, "bot:secret@")), [letter()])
    assert outcome.accepted
    assert post.encrypted == [True]
    assert base64.b64decode(post.signed_in[0]) == b"\0bot\0secret"


def test_another_machine_that_offers_no_encryption_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with posting() as post:
        monkeypatch.setattr(MailServer, "is_own_machine", property(lambda _: False))
        (outcome,) = send_letters(server(post.url(who="bot:secret@")), [letter()])
    assert outcome.problem == "The mail server offers no encryption (STARTTLS) or no sign-in, so nothing was sent to it"
    assert (post.got, post.signed_in) == ([], [])


def test_one_refused_address_does_not_keep_the_others_from_theirs() -> None:
    with posting(refused=["eve@example.org"]) as post:
        outcomes = send_letters(server(post.url()), [letter(), letter("eve@example.org"), letter("fay@example.org")])
    assert [one.accepted for one in outcomes] == [True, False, True]
    assert (outcomes[1].status, outcomes[1].problem) == (550, "The mail server refused the address of the person (550)")
    assert [to for to, _ in post.got] == ["ana@example.org", "fay@example.org"]


def test_a_server_that_is_busy_is_told_by_its_number() -> None:
    with posting("451 later", "250 yes") as post:
        outcomes = send_letters(server(post.url()), [letter(), letter()])
    assert [one.status for one in outcomes] == [451, 250]


def test_a_server_that_says_nothing_is_given_up_in_time_and_one_that_is_not_there_too() -> None:
    with posting(hang=True) as post:
        (outcome,) = send_letters(server(post.url()), [letter()], seconds=0.3)
    assert outcome.problem in {"The mail server did not answer within 0.3 s", "The mail server did not answer in time"}
    (gone,) = send_letters(server(post.url()), [letter()])
    assert "cannot be reached" in gone.problem


def test_a_header_that_would_hold_a_line_end_is_not_sent() -> None:
    with posting() as post:
        (outcome,) = send_letters(server(post.url()), [letter(subject="x\r\nBcc: eve@example.org")])
    assert not outcome.accepted
    assert post.got == []
