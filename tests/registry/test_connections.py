"""Half-sent requests do not keep connections open, and whole ones are answered meanwhile."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
import uvicorn

from registry.connections import protocol

SECONDS = 1.0
HALF = b"POST /models HTTP/1.1\r\nHost: localhost\r\nX-Half: "


async def answer(scope: dict[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


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
