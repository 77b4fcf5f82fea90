"""One GET of a Hub: which hosts are asked, which of them gets the token, and how it ends whatever a Hub does."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from registry.errors import RefusedError, TooLargeError, UnavailableError, UsageError
from registry.outgoing.fetching import Site, fetch
from tests.certificates import certificate
from tests.hubs import FakeHub, running, send
from tests.listening import HOST

PUBLIC = Site("https://hub.example", ("cdn.example", "cdn.example:8443"))


@pytest.mark.parametrize(
    "url", ["hub.example", "ftp://hub.example", "https://", "https://u:p@hub.example", "https://h/?a=b", "https://h:x"]
)
def test_what_is_no_address_of_a_hub_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="FOREBEAR_HUB_URL"):
        Site(url)


@pytest.mark.parametrize(
    "url", ["https://hub.example/x", "https://HUB.example:443/x", "https://cdn.example/x", "https://cdn.example:8443/x"]
)
def test_hosts_that_the_settings_name_are_asked(url: str) -> None:
    PUBLIC.check(urlsplit(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://hub.example:8443/x",
        "https://hub.example.evil.example/x",
        "https://evil.example/hub.example",
        "https://hub.example@evil.example/",
        "https://u@hub.example/x",
        "http://hub.example/x",
        "http://cdn.example/x",
        "file:///hub.example",
        "https:///x",
        "https://169.254.169.254/",
    ],
)
def test_no_other_host_port_or_way_is_asked(url: str) -> None:
    with pytest.raises(RefusedError):
        PUBLIC.check(urlsplit(url))


def test_the_token_is_for_the_hub_by_its_own_port_and_encryption_alone() -> None:
    assert PUBLIC.is_own(urlsplit("https://hub.example/api"))
    for other in ("http://hub.example/api", "https://hub.example:8443/api", "https://cdn.example/api"):
        assert not PUBLIC.is_own(urlsplit(other))
    assert "hush" not in repr(Site("https://hub.example", token="hush"))


def into_nothing(_: bytes) -> None:
    """Take it."""


def test_the_header_that_counts_is_that_of_the_hub_itself_and_not_of_where_it_sends() -> None:
    with running(FakeHub({})) as cdn, running(FakeHub({})) as hub:
        cdn.lies = lambda _, handler, __: send(handler, b"weights", {"X-Repo-Commit": "evil"})
        hub.lies = lambda _, handler, __: send(
            handler, b"", {"Location": cdn.url + "/w", "X-Repo-Commit": "mine"}, status=302
        )
        came = bytearray()
        asked = Site(hub.url, (cdn.place,), (HOST,))
        header = fetch(asked, "/w", most=7, seconds=10, into=came.extend)
    assert (bytes(came), header["x-repo-commit"]) == (b"weights", "mine")


def test_more_than_is_read_and_packed_bodies_and_other_parts_are_refused() -> None:
    with running(FakeHub({})) as hub:
        asked = Site(hub.url, (), (HOST,))
        hub.lies = lambda _, handler, __: send(handler, b"x" * 8)
        with pytest.raises(TooLargeError, match="7 bytes"):
            fetch(asked, "/w", most=7, seconds=10, into=into_nothing)
        hub.lies = lambda _, handler, __: send(handler, b"x", {"Content-Encoding": "gzip"})
        with pytest.raises(UnavailableError, match="packs"):
            fetch(asked, "/w", most=7, seconds=10, into=into_nothing)
        hub.lies = lambda _, handler, __: send(handler, b"x", {"Content-Range": "bytes 0-0/9"}, status=206)
        with pytest.raises(UnavailableError, match="another part"):
            fetch(asked, "/w", most=7, seconds=10, into=into_nothing, start=3)
        hub.lies = lambda _, handler, __: send(handler, b"xxxxx" * 3, {"Location": "http://[bad"}, status=302)
        with pytest.raises((RefusedError, UnavailableError)):
            fetch(asked, "/w", most=7, seconds=10, into=into_nothing)


def test_a_hub_that_sends_a_byte_at_a_time_is_given_up_in_time() -> None:
    over = threading.Event()

    def drip(_: FakeHub, handler: BaseHTTPRequestHandler, __: str) -> bool:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b"x")
        return True

    with running(FakeHub({})) as hub:
        hub.lies = drip
        with pytest.raises(UnavailableError, match=r"within 0\.4 s"):
            fetch(Site(hub.url, (), (HOST,)), "/w", most=10**9, seconds=0.4, into=into_nothing)
        over.set()


@contextmanager
def encrypted(folder: Path) -> Iterator[int]:
    """A server in TLS with a certificate that nobody signed; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(folder / "server.pem"))
    with HTTPServer((HOST, 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_a_certificate_that_does_not_verify_is_never_accepted(tmp_path: Path) -> None:
    with encrypted(tmp_path) as port:
        hub = Site(f"https://localhost:{port}", (), ("localhost",), token="hush")
        with pytest.raises(UnavailableError, match="certificate of the Hub"):
            fetch(hub, "/w", most=7, seconds=10, into=into_nothing)
