"""Why a client cannot reach its server is one sentence in words, whatever the network or the environment brings."""

from __future__ import annotations

import httpx2
import pytest

from registry.client.transport.connection import Connection
from registry.domain.people.people import Actor
from registry.errors import ServerUnreachableError, UsageError
from tests.registry.client.transport.test_connection import ACTOR, URL, answering, connection, failing


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("[Errno 111] Connection refused", "Connection refused"),
        ("[Errno -2] Name or service not known", "Name or service not known"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)", "what is there does not speak TLS"),
        ("[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert (_ssl.c:1006)", "tlsv1 alert"),
        ("", "ConnectError"),
    ],
)
def test_why_a_server_cannot_be_reached_is_said_in_words(said: str, told: str) -> None:
    gone = failing(httpx2.ConnectError(said), times=99, then=answering(200, ACTOR))
    with pytest.raises(ServerUnreachableError) as error:
        connection(gone).get(Actor, "/me")
    assert error.value.message == f"{URL} cannot be reached: {told}"


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("SSL_CERT_FILE", "/nowhere.pem", "SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: No such file"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: no certificate"),
        ("HTTPS_PROXY", "gopher://ana:hidden@127.0.0.1", "The proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names"),
        ("ALL_PROXY", "http://ana:hidden@[::1", "The proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names"),
    ],
)
def test_a_setting_of_the_network_that_cannot_be_used_is_one_sentence(
    variable: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=sentence) as error:
        Connection(URL, "fbr_x").get(Actor, "/me")
    assert "hidden" not in str(error.value)
