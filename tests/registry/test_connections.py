"""Half-sent requests do not keep connections open, and whole ones are answered meanwhile."""

from __future__ import annotations

import hashlib
import http.client
import select
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from typing import IO, Any

import pytest
import uvicorn

from registry.bodies import PIECE
from registry.connections import EXTENSION, protocol

SECONDS = 1.0
HALF = b"POST /models HTTP/1.1\r\nHost: localhost\r\nX-Half: "


BYTES = bytes(range(256)) * 64 * 1024
"""16 MiB, more than a socket takes at once."""
CAME: list[int | None] = []
"""The sizes of the pieces of bodies that came lately; None where the client had gone."""


async def answer(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    body = hashlib.sha256()
    more = scope["path"] != "/unread"
    while more:
        message = await receive()
        CAME.append(len(message.get("body", b"")) if message["type"] == "http.request" else None)
        body.update(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"] == "/digest":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"64")]})
        await send({"type": "http.response.body", "body": body.hexdigest().encode()})
        return
    if scope["path"] not in {"/", "/unread"}:
        await send_part(scope["path"], send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def send_part(path: str, send: Callable[[Any], Any]) -> None:
    """The bytes from 1000 on of the file, in two stretches; `/short` announces more than there is."""
    file, size = stored().fileno(), len(BYTES) - 1000
    length = [] if path == "/unannounced" else [(b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for offset, count in ((1000, 1_000_000), (1_001_000, size - 1_000_000 + (path == "/short"))):
        await send({"type": EXTENSION, "file": file, "offset": offset, "count": count, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@cache
def stored() -> IO[bytes]:
    """The file that every answer sends."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the tests run
    file.write(BYTES)
    file.flush()
    return file


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Where a server listens that waits a second for a header."""
    with socket.create_server(("127.0.0.1", 0), backlog=300) as listener:
        config = uvicorn.Config(answer, http=protocol(SECONDS), lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()
        server.should_exit = True
        thread.join()
        stored().close()


def still_open(connections: list[socket.socket]) -> list[socket.socket]:
    readable, _, _ = select.select(connections, [], [], 0)
    closed = [one for one in readable if not one.recv(1000)]
    return [one for one in connections if one not in closed]


def answered(address: tuple[str, int]) -> bool:
    with closing(http.client.HTTPConnection(*address)) as connection:
        return asked(connection) == 200


def asked(connection: http.client.HTTPConnection) -> int:
    connection.request("GET", "/")
    found = connection.getresponse()
    found.read()
    return found.status


def test_200_half_sent_requests_are_closed_after_the_time_for_a_header(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(address)) for _ in range(200)]
        for number, one in enumerate(connections):
            one.sendall(HALF[: number % len(HALF)])  # some send nothing at all
        assert answered(address)
        until = time.monotonic() + 20
        while connections and time.monotonic() < until:
            connections = still_open(connections)
            time.sleep(0.05)
        assert not connections
        assert answered(address)


def test_a_header_that_comes_byte_by_byte_gets_no_more_time(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(HALF)
        until = time.monotonic() + 20
        while still_open([connection]) and time.monotonic() < until:
            time.sleep(0.1)
            try:
                connection.sendall(b"x")
            except (BrokenPipeError, ConnectionResetError):
                return
        assert time.monotonic() < until


def test_a_connection_that_is_kept_waits_again_for_the_header_of_the_next_request(address: tuple[str, int]) -> None:
    kept = http.client.HTTPConnection(*address)
    assert asked(kept) == 200
    time.sleep(SECONDS * 1.2)  # between requests another limit holds
    assert asked(kept) == 200
    assert kept.sock is not None
    kept.sock.sendall(HALF)
    until = time.monotonic() + 20
    while still_open([kept.sock]) and time.monotonic() < until:
        time.sleep(0.05)
    assert time.monotonic() < until
    kept.close()


def test_a_file_is_sent_by_the_kernel_and_the_connection_is_good_for_more(address: tuple[str, int]) -> None:
    with closing(http.client.HTTPConnection(*address)) as kept:
        for path in ("/file", "/unannounced"):
            kept.request("GET", path)
            assert kept.getresponse().read() == BYTES[1000:]
        assert asked(kept) == 200


def test_200_readers_that_stop_and_an_upload_that_stalls_hold_nobody_up(address: tuple[str, int]) -> None:
    with ExitStack() as stack:
        stalled = stack.enter_context(socket.create_connection(address))
        stalled.sendall(b"POST /whole HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
        for _ in range(200):
            one = stack.enter_context(socket.create_connection(address))
            one.sendall(b"GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one.recv(10)
        began = time.monotonic()
        assert answered(address)
        assert time.monotonic() - began < 5
    assert answered(address)


def test_a_file_that_is_shorter_than_announced_ends_the_connection(address: tuple[str, int]) -> None:
    with closing(http.client.HTTPConnection(*address)) as kept:
        kept.request("GET", "/short")
        with pytest.raises((http.client.IncompleteRead, ConnectionError, http.client.BadStatusLine)):
            kept.getresponse().read()
    assert answered(address)


@pytest.mark.parametrize("framing", ["announced", "chunked", "after a go-ahead"])
def test_a_body_arrives_as_it_was_sent_and_the_connection_goes_on(address: tuple[str, int], framing: str) -> None:
    pieces = [
        BYTES[:1],
        BYTES[1:70_000],
        BYTES[70_000:3_000_000],
        BYTES[3_000_000:3_000_007],
        BYTES[3_000_007:5_000_000],
    ]
    sent = hashlib.sha256(b"".join(pieces)).hexdigest()
    head = {"chunked": "Transfer-Encoding: chunked"}.get(framing, "Content-Length: 5000000")
    expect = "Expect: 100-continue\r\n" if framing == "after a go-ahead" else ""
    with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
        for _ in range(2):
            connection.sendall(f"POST /digest HTTP/1.1\r\nHost: localhost\r\n{expect}{head}\r\n\r\n".encode())
            if expect:
                assert answers.readline().startswith(b"HTTP/1.1 100")
                answers.readline()
            for piece in pieces:
                connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if framing == "chunked" else piece)
            if framing == "chunked":
                connection.sendall(b"0\r\n\r\n")
            assert answers.readline().startswith(b"HTTP/1.1 200")
            while answers.readline().strip():
                pass
            assert answers.read(64).decode() == sent


@pytest.mark.parametrize("size", [100_000, PIECE, PIECE + 1, PIECE + 2, 2 * PIECE, 2 * PIECE + 1, 7 * PIECE + 4711])
def test_two_requests_that_come_at_once_are_two(address: tuple[str, int], size: int) -> None:
    head = b"POST /digest HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % size
    one, other = BYTES[:size], BYTES[7 : size + 7]
    with socket.create_connection(address) as connection, connection.makefile("rb") as answers:
        connection.sendall(head + one + head + other)
        for body in (one, other):
            while answers.readline().strip():
                pass
            assert answers.read(64).decode() == hashlib.sha256(body).hexdigest()


def began(address: tuple[str, int], path: bytes, sent: int) -> socket.socket:
    """A request whose body of 5,000,000 bytes has come so far."""
    connection = socket.create_connection(address, timeout=10)
    connection.sendall(b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n" % path)
    connection.sendall(BYTES[:sent])
    return connection


def test_what_a_slow_client_sent_is_given_out_before_the_piece_is_whole(address: tuple[str, int]) -> None:
    CAME.clear()
    with began(address, b"/digest", 10) as connection, connection.makefile("rb") as answers:
        for sent in (10, 15, 1_500_000):
            until = time.monotonic() + 5
            while sum(filter(None, CAME)) < sent and time.monotonic() < until:
                time.sleep(0.01)
            assert sum(filter(None, CAME)) == sent
            connection.sendall(BYTES[sent : {10: 15, 15: 1_500_000}.get(sent, 5_000_000)])
        while answers.readline().strip():
            pass
        assert answers.read(64).decode() == hashlib.sha256(BYTES[:5_000_000]).hexdigest()


def test_a_client_that_goes_away_in_a_large_body_is_noticed(address: tuple[str, int]) -> None:
    CAME.clear()
    with began(address, b"/digest", 2_500_000) as connection:
        connection.shutdown(socket.SHUT_WR)
        until = time.monotonic() + 5
        while None not in CAME and time.monotonic() < until:
            time.sleep(0.01)
    assert CAME[-1] is None
    assert answered(address)


def test_a_large_body_that_is_not_read_is_dropped_and_the_connection_goes_on(address: tuple[str, int]) -> None:
    with began(address, b"/unread", 3_000_000) as connection, connection.makefile("rb") as answers:
        for more in (BYTES[3_000_000:5_000_000] + b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b""):
            assert answers.readline().startswith(b"HTTP/1.1 200")
            while answers.readline().strip():
                pass
            assert answers.read(2) == b"ok"
            connection.sendall(more)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"400"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", b"400"),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"400"),
        (b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n", b"431"),
        (b"".join(b"X-%d: y\r\n" % one for one in range(3000)) + b"\r\n", b"431"),
    ],
)
def test_no_request_is_smuggled_behind_an_ambiguous_or_endless_header(
    address: tuple[str, int], fields: bytes, status: bytes
) -> None:
    smuggled = b"GET /digest HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(address, timeout=5) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\n" + fields + smuggled)
        said = b"".join(iter(lambda: client.recv(65536), b""))
    assert said.startswith(b"HTTP/1.1 " + status), said
    assert said.count(b"HTTP/1.1 ") == 1, "the connection ends, and nothing more is read from it"
