"""One POST: whatever the receiver does, it ends in time, follows nothing, and is told as a sentence."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from registry.outgoing.posting import post
from tests.certificates import certificate
from tests.receiving import HANG, HOST, receiving

ALLOWED = (HOST,)


def test_a_message_arrives_whole_with_its_header() -> None:
    with receiving(200) as receiver:
        outcome = post(receiver.url + "?a=b", b"{}", {"webhook-id": "x"}, allowed=ALLOWED)
    assert (outcome.accepted, outcome.status, outcome.problem) == (True, 200, "")
    (got,) = receiver.got
    assert (got.path, got.body, got.headers["webhook-id"]) == ("/hook?a=b", b"{}", "x")
    assert got.headers["User-Agent"].startswith("forebear/")


def test_a_redirect_is_not_followed() -> None:
    with receiving(204) as other, receiving(307, headers={"Location": other.url}) as receiver:
        outcome = post(receiver.url, b"{}", {}, allowed=ALLOWED)
    assert outcome.problem == "The receiver answered 307, a redirect, which is not followed"
    assert other.got == []


def test_no_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving(204) as proxy, receiving(204) as receiver:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.upper(), proxy.url)
        assert post(receiver.url, b"{}", {}, allowed=ALLOWED).accepted
    assert proxy.got == []


def test_an_inner_address_gets_no_connection() -> None:
    with receiving(204) as receiver:
        outcome = post(receiver.url, b"{}", {})
    assert "not an address of the internet" in outcome.problem
    assert receiver.got == []


@pytest.mark.parametrize(("status", "wait"), [(500, 0.0), (429, 120.0)])
def test_a_refusal_is_told_with_the_wait_that_the_receiver_asks_for(status: int, wait: float) -> None:
    with receiving(status, headers={"Retry-After": "120"} if wait else {"Retry-After": "Mon, 01 Jan"}) as receiver:
        outcome = post(receiver.url, b"{}", {}, allowed=ALLOWED)
    assert (outcome.status, outcome.problem, outcome.retry_after) == (status, f"The receiver answered {status}", wait)


def test_a_receiver_that_answers_nothing_is_given_up_in_time() -> None:
    with receiving(HANG) as receiver:
        outcome = post(receiver.url, b"{}", {}, allowed=ALLOWED, seconds=0.2)
    assert outcome.problem == "No answer within 0.2 s"
    assert outcome.seconds < 5


def read_whole(connected: socket.socket) -> None:
    """Read a request with the body `{}`: what is left unread ends the connection before the answer is read."""
    came = b""
    while not came.endswith(b"{}") and (more := connected.recv(4096)):
        came += more


@contextmanager
def talking(talk: Callable[[socket.socket], None], wrap: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that takes one connection and does this with it; gives its port."""
    with socket.create_server((HOST, 0)) as listener:

        def serve() -> None:
            connected, _ = listener.accept()
            with connected, suppress(OSError):  # the other side has gone: that is what these tests are about
                if wrap is None:
                    talk(connected)
                else:
                    with wrap.wrap_socket(connected, server_side=True) as encrypted:
                        talk(encrypted)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def test_a_receiver_that_answers_a_byte_at_a_time_is_given_up_in_time() -> None:
    ended = threading.Event()

    def drip(connected: socket.socket) -> None:
        connected.recv(4096)
        connected.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not ended.wait(0.02):
            connected.sendall(b"y")

    with talking(drip) as port:
        outcome = post(f"http://{HOST}:{port}/", b"{}", {}, allowed=ALLOWED, seconds=0.3)
        ended.set()
    assert outcome.problem == "No answer within 0.3 s"


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500])
def test_what_is_no_answer_in_http_is_told(answer: bytes) -> None:
    def talk(connected: socket.socket) -> None:
        connected.recv(4096)
        connected.sendall(answer)

    with talking(talk) as port:
        outcome = post(f"http://{HOST}:{port}/", b"{}", {}, allowed=ALLOWED)
    assert outcome.problem == "The receiver ended the connection or did not answer in HTTP"


def test_the_rest_of_an_answer_is_not_read() -> None:
    sent = [0]

    def flood(connected: socket.socket) -> None:
        connected.recv(4096)
        connected.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            connected.sendall(b"x" * 2**16)
            sent[0] += 2**16

    with talking(flood) as port:
        assert post(f"http://{HOST}:{port}/", b"{}", {}, allowed=ALLOWED).accepted
    assert sent[0] < 2**16 * 1000


def test_nobody_who_listens_is_told() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    assert "cannot be reached" in post(f"http://{HOST}:{port}/", b"{}", {}, allowed=ALLOWED).problem


def test_a_certificate_is_verified_against_those_that_the_system_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path / "cert.pem"))

    def talk(connected: socket.socket) -> None:
        read_whole(connected)
        connected.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with talking(talk, context) as port:
        refused = post(f"https://localhost:{port}/", b"{}", {}, allowed=("localhost",))
    assert "certificate of the receiver cannot be verified" in refused.problem
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with talking(talk, context) as port:
        assert post(f"https://localhost:{port}/", b"{}", {}, allowed=("localhost",)).status == 204
    with talking(talk, context) as port:
        other = post(f"https://{HOST}:{port}/", b"{}", {}, allowed=ALLOWED)
    assert "certificate of the receiver cannot be verified" in other.problem
