"""A server as people start it: `forebear serve` in a process of its own, on a port that is free."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx

from registry import bootstrap
from registry.settings import Settings

PEOPLE = (("ben", "validator"), ("carla", "risk-owner"), ("vera", "viewer"))


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def furnished(home: Path) -> dict[str, str]:
    """A new home with ana (admin) and others in it; the token of each."""
    settings = Settings(home=home, mlflow_uri="off")
    first = bootstrap.init(home, settings=settings, actor="ana")
    assert first.token is not None
    tokens = {"ana": first.token}
    registry = bootstrap.open(home, settings=settings, actor="ana")
    for handle, role in PEOPLE:
        registry.people.add(handle, handle.title())
        if registry.people.grant(handle, role).offered:
            bootstrap.open(home, settings=settings, actor="ben").people.confirm(handle, role)
        own = bootstrap.open(home, settings=settings, actor=handle)
        tokens[handle] = own.people.create_token(handle, label="journey").secret
    return tokens


@contextmanager
def serving(home: Path, variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a server over `home` with more `variables`, for as long as the block runs."""
    port = free_port()
    words = [sys.executable, "-m", "registry.cli", "serve", "--home", str(home), "--port", str(port)]
    environment = os.environ | {"FOREBEAR_MLFLOW_URI": "off", "OMP_NUM_THREADS": "1", **(variables or {})}
    log = home.parent / "server.log"
    with log.open("wb") as output, subprocess.Popen(words, stdout=output, stderr=output, env=environment) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, process, log)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise AssertionError(log.read_text())
        try:
            if httpx.get(f"{address}/healthz").text == "ok":
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"the server did not answer: {log.read_text()}")
