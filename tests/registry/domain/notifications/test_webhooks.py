"""Webhooks: signed as Standard Webhooks says, sent what they name, tried again ever later."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from registry.domain.notifications.webhooks import (
    DELAYS,
    LONGEST,
    check_events,
    check_url,
    headers_of,
    matches,
    next_attempt,
    secret_of,
    written,
)
from registry.errors import CredentialError, InvalidError
from tests.builders import NOW


def test_a_message_is_signed_as_the_specification_says() -> None:
    """The example in the documentation of the libraries that check such signatures."""
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    signed = headers_of(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}')
    assert signed["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (signed["webhook-id"], signed["webhook-timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")


def test_each_webhook_has_a_secret_of_its_own_that_only_the_key_of_the_registry_makes() -> None:
    secrets = {secret_of(key, webhook) for key in ("k" * 40, "l" * 40) for webhook in ("whk-1", "whk-2")}
    assert len(secrets) == 4
    assert all(len(one) == 32 for one in secrets)
    assert written(b"\0" * 32) == "whsec_" + "A" * 43 + "="


def test_a_webhook_is_sent_what_its_patterns_name() -> None:
    assert matches(("recall.*", "promotion.approved"), "recall.opened")
    assert matches(("promotion.approved",), "promotion.approved")
    assert matches(("*",), "person.added")
    assert not matches(("promotion.approved", "recall.*"), "promotion.rejected")
    assert not matches(("role.*",), "role_offer.made")


@pytest.mark.parametrize("pattern", ["", "promotion", "promotion.", "*.approved", "Promotion.approved", "a.b.c", "**"])
def test_a_pattern_that_names_nothing_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidError, match="names no events"):
        check_events((pattern,))


def test_patterns_are_one_to_fifty_and_each_counts_once() -> None:
    assert check_events(("a.b", "a.b", "*")) == ("a.b", "*")
    for wrong in ((), ("a.b",) * 51):
        with pytest.raises(InvalidError, match="1 to 50"):
            check_events(wrong)


@pytest.mark.parametrize(
    "url",
    [
        *("hooks.example.org", "ftp://hooks.example.org/", "https://", "https:///x", "https://a b/", "file:///etc"),
        *("https://u@hooks.example.org/", "https://u:p@hooks.example.org/", "https://hooks.example.org/#x"),
        *("https://hooks.example.org:0/", "https://hooks.example.org:99999/", "https://hooks.example.org/\r\nX: y"),
        *(
            "https://hooks.example.org/\x00",
            "https://h\u00f6\u00f6ks.example.org/",
            "https://-x.example.org/",
            "https://[::1",
        ),
        *("https://hooks.example.org\\@evil/", "https://hooks.example.org/" + "a" * 2000, "http://hooks.example.org/"),
    ],
)
def test_an_address_that_a_webhook_cannot_have_is_refused(url: str) -> None:
    with pytest.raises(InvalidError):
        check_url(url, ())


def test_an_address_is_encrypted_unless_the_setting_names_its_host() -> None:
    assert check_url("https://hooks.example.org:8443/a?b=c", ()) == "https://hooks.example.org:8443/a?b=c"
    assert check_url("https://[2606:4700::1111]/", ())
    assert check_url("http://ci.intern/x", ("CI.intern",))
    with pytest.raises(InvalidError, match="begins with https"):
        check_url("http://ci.intern.example.org/x", ("ci.intern",))


def test_an_address_that_is_itself_a_secret_is_refused() -> None:
    with pytest.raises(CredentialError):
        check_url("https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx", ())


def test_the_waits_grow_to_a_day_and_then_a_message_is_given_up() -> None:
    waits = [next_attempt(failures, NOW, 0.5) for failures in range(1, len(DELAYS) + 2)]
    assert waits[-1] is None
    known = [one - NOW for one in waits if one is not None]
    assert known == sorted(known)
    assert known[0] == timedelta(seconds=5.25)
    assert all(one <= LONGEST for one in known)


def test_a_receiver_may_ask_for_a_longer_wait_of_a_day_at_most() -> None:
    assert next_attempt(1, NOW, 0.0, 120.0) == NOW + timedelta(seconds=120)
    assert next_attempt(1, NOW, 0.0, 1e7) == NOW + timedelta(days=1)
    assert next_attempt(9, NOW, 0.0, 1.0) == NOW + timedelta(days=1)
