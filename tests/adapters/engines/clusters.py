"""A real Ray cluster of two nodes on loopback addresses, taken down with everything that it started."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from tests.journeys.running import free_port

MARK = "FOREBEAR_TEST_CLUSTER"
"""Every process of the cluster inherits this variable, so that each is found again and none of anybody else's."""
HEAD, SECOND = "127.0.0.2", "127.0.0.3"


@dataclass(frozen=True)
class Cluster:
    """A head with one CPU, and a second node with two CPUs and (as far as Ray is told) one GPU."""

    address: str
    folder: Path


@contextmanager
def cluster(settings: Mapping[str, str]) -> Iterator[Cluster]:
    """Two nodes whose workers see `settings` in their environment."""
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # a socket's path must be short
    mark = uuid.uuid4().hex
    environment = (
        os.environ
        | settings
        | {
            MARK: mark,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "180",
            "OMP_NUM_THREADS": "1",
        }
    )
    port, dashboard = free_port(), free_port()
    head = [
        "--head", f"--node-ip-address={HEAD}", f"--port={port}", "--num-cpus=1", "--num-gpus=0",
        f"--dashboard-port={dashboard}", "--dashboard-host=127.0.0.1", f"--temp-dir={folder}",
    ]  # fmt: skip
    second = [f"--address={HEAD}:{port}", f"--node-ip-address={SECOND}", "--num-cpus=2", "--num-gpus=1"]
    address = f"http://127.0.0.1:{dashboard}"
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name, words in (("head", head), ("second", second)):
            with (folder / f"{name}.log").open("wb") as log:
                command = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--disable-usage-stats"]
                command += ["--object-store-memory=80000000", f"--dashboard-agent-listen-port={free_port()}", *words]
                started.append(
                    subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
                )
            _wait_for(address, len(started), started[-1], folder / f"{name}.log")
        yield Cluster(address, folder)
    finally:
        for node in reversed(started):
            node.terminate()
        for node in started:
            try:
                node.wait(20)
            except subprocess.TimeoutExpired:
                node.kill()
                node.wait()
        for pid in marked(mark):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def marked(mark: str) -> list[int]:
    """Processes that carry `mark` in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                environment = (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if f"{MARK}={mark}".encode() in environment:
                found.append(int(folder.name))
    return found


def _wait_for(address: str, nodes: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the dashboard counts so many living nodes."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(log.read_text())
        try:
            answer = httpx.get(f"{address}/nodes?view=summary", timeout=10).json()
            states = [node["raylet"].get("state") for node in answer["data"]["summary"]]
        except (httpx.TransportError, ValueError, KeyError):
            states = []
        if states.count("ALIVE") == nodes:
            return
        time.sleep(0.5)
    raise AssertionError(f"the cluster did not come up: {log.read_text()}")
