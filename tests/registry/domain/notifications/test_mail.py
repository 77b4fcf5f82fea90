"""E-mail: addresses, the mail server of the settings, and what a message says once for each thing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.governance.reviews.inbox import Errand, InboxItem
from registry.domain.notifications.mail import check_address, message_about, read_server
from registry.errors import InvalidError, UsageError
from tests.builders import NOW, model_ref


@pytest.mark.parametrize("text", ["ana@example.org", "a.b+c@mail.example.org", "o'neil@localhost", "x_1@a-b.example"])
def test_an_address_is_taken(text: str) -> None:
    assert check_address(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "ana", "@example.org", "ana@", "a b@example.org", "ana@example..org", ".ana@example.org", "ana@-x.org"),
        *("ana@example.org\r\nBcc: eve@example.org", "ana@example.org\n", "<ana@example.org>", "ana@example.org,eve@x"),
        *("ana@ex\u00e4mple.org", "a" * 250 + "@x.org", "ana@example.org\x00"),
    ],
)
def test_what_is_no_address_or_adds_a_header_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="not an address"):
        check_address(text)


def test_the_settings_name_a_mail_server_and_its_password_is_in_no_text() -> None:
    plain = read_server("smtp://mail.example.org", "forebear@example.org")
    assert (plain.port, plain.encrypted, plain.user, plain.is_own_machine) == (587, False, "", False)
    whole = read_server("smtps://bot%40x:p%2Fw@mail.example.org", "forebear@example.org")
    assert (whole.port, whole.encrypted, whole.user, whole.password) == (465, True, "bot@x", "p/w")
    assert "p/w" not in repr(whole)
    assert read_server("smtp://localhost:25", "a@b").is_own_machine


@pytest.mark.parametrize("url", ["mail.example.org", "http://x", "smtp://", "smtp://u:pass-wd@h:port", "smtp://h/x"])
def test_settings_that_name_no_mail_server_are_refused_without_repeating_the_password(url: str) -> None:
    with pytest.raises(UsageError, match="FOREBEAR_SMTP_URL") as refused:
        read_server(url, "forebear@example.org")
    assert "pass-wd" not in str(refused.value)
    with pytest.raises(UsageError, match="FOREBEAR_MAIL_FROM"):
        read_server("smtp://mail.example.org", "Forebear <x@y>\r\n")


def item(errand: Errand, detail: str = "look", due: timedelta | None = None, title: str = "t") -> InboxItem:
    return InboxItem(errand, "id-1", title, detail, NOW, model_ref("a/b/1"), NOW + due if due is not None else None)


def test_a_message_says_what_waits_and_where_and_has_one_line_as_its_subject() -> None:
    told = message_about(
        item(Errand.VOTE, "Needs an approval", timedelta(days=9), "a\r\nBcc: x"), NOW, "https://m.org/"
    )
    assert told.subject == "Your approval is asked for: a Bcc: x"
    assert "Needs an approval." in told.text
    assert f"{NOW + timedelta(days=9):%Y-%m-%d}" in told.text
    assert "https://m.org/inbox" in told.text
    assert "forebear inbox" in message_about(item(Errand.POLICY), NOW, "").text


def test_a_thing_is_told_once_and_again_when_there_is_something_new_to_say() -> None:
    def topic(one: InboxItem) -> str:
        return message_about(one, NOW, "").topic

    days = [timedelta(days=days) for days in (30, 20, 2, -1, -9)]
    assert [topic(item(Errand.FINDING, due=one)) for one in days] == [
        *("finding id-1", "finding id-1", "finding id-1 soon", "finding id-1 overdue", "finding id-1 overdue"),
    ]
    assert topic(item(Errand.VOTE, "as validator")) == topic(item(Errand.VOTE, "as validator or owner"))
    assert topic(item(Errand.STALE_VOTE, "one thing")) != topic(item(Errand.STALE_VOTE, "another"))
    assert len({topic(item(errand)) for errand in Errand}) == len(Errand)
