"""What one question costs over HTTP under many clients: our server beside `mlflow server`, in turns in one run.

Each server has one registered model with one version, and is asked for it by MLflow's own request over kept connections
(`model-versions/get`). Ours checks a token with each request; `mlflow server` checks nobody. The CPU is that of the
server and its workers. Our application is also run by granian, where that is installed.

    python -m benchmarks.serving [--clients 32] [--requests 50] [--rounds 4]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
from safetensors.numpy import save_file

from registry import bootstrap
from registry.auth import Attempts, Counts, Doorkeeper, Rates
from registry.auth.counting import FILE as COUNTS
from registry.auth.known import Known
from registry.domain.catalog.models import Modality
from registry.domain.names import Name
from registry.domain.verbs.catalog import ImportModel
from registry.services.keys import registry_key
from registry.settings import Settings

MODEL = "vision.digits"
Client = Callable[[int, list[float], list[str]], None]
"""Asks as the client of a number; adds the seconds of each request, and what was wrong."""
PATH = "/api/2.0/mlflow/model-versions/get?" + urlencode({"name": MODEL, "version": "1"})
START_SECONDS = 120.0
"""The longest that a server may take to answer for the first time."""
UNLIMITED = {f"FOREBEAR_RATE_{one}": "0" for one in ("TOKEN", "PERSON", "ADDRESS")}
"""No limit of requests a minute."""
OURS, PEER = "forebear serve", "mlflow server"


@dataclass
class Served:
    """A running server, and what was measured of it: seconds of each request, and of the CPU for all."""

    name: str
    port: int
    process: int
    headers: Mapping[str, str]
    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0
    wall: float = 0.0

    def at(self, share: float) -> float:
        """Milliseconds that `share` of the requests stayed within."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))] * 1000

    @property
    def cpu_each(self) -> float:
        """Milliseconds of CPU for a request."""
        return self.cpu / len(self.seconds) * 1000


def application() -> object:
    """Our application over the registry in FOREBEAR_HOME, for another server than that of `forebear serve`."""
    from registry.server import create_app  # as serve() makes it

    home = Path(os.environ["FOREBEAR_HOME"])
    settings = Settings.from_environment()
    registry = bootstrap.open_system(home, settings=settings)
    counts = Counts(home / COUNTS)
    attempts, rates = Attempts(counts=counts), Rates.of(settings, counts)
    known = Known(registry.standing, registry.context.clock)
    door = Doorkeeper(registry.sessions, registry_key(home, settings), attempts, rates, known=known)
    return create_app(registry, settings, door, home=home)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=50, help="by each client in each round")
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers: list[Served] = [stack.enter_context(one) for one in _servers(Path(folder))]
        for server in servers:
            ask(server, given.clients, 5)
            server.seconds.clear()
            server.cpu = server.wall = 0.0
        for _ in range(given.rounds):
            for server in servers:
                ask(server, given.clients, given.requests)
        print(table(servers, given.clients))


def ask(server: Served, clients: int, requests: int) -> None:
    """Ask `requests` times from each of `clients` threads, all at once. Raises: SystemExit for a wrong answer."""
    wall, cpu, seconds = at_once(server, clients, lambda _, found, wrong: _client(server, requests, found, wrong))
    server.wall += wall
    server.cpu += cpu
    server.seconds += seconds


def at_once(server: Served, clients: int, client: Client) -> tuple[float, float, list[float]]:
    """Seconds of the clock, of the server's processor, and of each request, with so many clients at once.

    Raises: SystemExit for a wrong answer.
    """
    wrong: list[str] = []
    found: list[list[float]] = [[] for _ in range(clients)]
    threads = [threading.Thread(target=client, args=(number, one, wrong)) for number, one in enumerate(found)]
    cpu, began = cpu_of(server.process), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, spent = time.perf_counter() - began, cpu_of(server.process) - cpu
    if wrong:
        raise SystemExit(f"{server.name}: {wrong[0]}")
    return wall, spent, [one for each in found for one in each]


def _client(server: Served, requests: int, found: list[float], wrong: list[str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    for _ in range(requests):
        began = time.perf_counter()
        connection.request("GET", PATH, headers=dict(server.headers))
        answer = connection.getresponse()
        body = answer.read()
        found.append(time.perf_counter() - began)
        if answer.status != 200 or json.loads(body)["model_version"]["name"] != MODEL:
            wrong.append(f"{answer.status} {body[:200]!r}")
            break
    connection.close()


def cpu_of(process: int) -> float:
    """Seconds of CPU that a process and its living descendants have taken (proc(5))."""
    parents: dict[int, int] = {}
    taken: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        number = int(stat.parent.name)
        parents[number], taken[number] = int(fields[1]), int(fields[11]) + int(fields[12])
    family = {process}
    while more := {one for one, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(taken.get(one, 0) for one in family) / os.sysconf("SC_CLK_TCK")


def table(servers: list[Served], clients: int) -> str:
    """One row for each server; the ratios are to `mlflow server` in the same run."""
    peer = next(one for one in servers if one.name == PEER)
    head = [
        f"`get version`, {clients} clients, {len(peer.seconds):,} requests to each server\n",
        "| server | p50 ms | p99 ms | p99 to MLflow's | requests a second | CPU ms each | CPU to MLflow's |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(_row(one, peer) for one in servers)])


def _row(one: Served, peer: Served) -> str:
    p50, p99 = one.at(0.5), one.at(0.99)
    return (
        f"| {one.name} | {p50:,.0f} | {p99:,.0f} | {p99 / peer.at(0.99):.2f} | {len(one.seconds) / one.wall:,.0f} | "
        f"{one.cpu_each:.2f} | {one.cpu_each / peer.cpu_each:.2f} |"
    )


def _servers(folder: Path) -> Iterator[AbstractContextManager[Served]]:
    """The servers to compare, as blocks that run them."""
    home, token = _ours(folder)
    bearer = {"Authorization": f"Bearer {token}"}
    own = {"FOREBEAR_HOME": str(home), "FOREBEAR_MLFLOW_URI": "off", **UNLIMITED}
    yield running(OURS, ["registry.cli", "serve", "--home", str(home)], own, bearer)
    if find_spec("granian"):
        words = ["granian", "--interface", "asgi", "--factory", "--no-ws", "--log-level", "error"]
        yield running("our application in granian", [*words, "benchmarks.serving:application"], own, bearer)
    store = _theirs(folder)
    words = ["mlflow", "server", "--backend-store-uri", store, "--artifacts-destination", str(folder / "art")]
    yield running(PEER, words, {}, {})
    yield running(f"{PEER} --workers 1", [*words, "--workers", "1"], {}, {})


def _ours(folder: Path) -> tuple[Path, str]:
    """A registry with one version, and a token."""
    home, settings = folder / "home", Settings(mlflow_uri="off")
    token = bootstrap.init(home, settings=settings, actor="bench").token
    save_file({"0.weight": np.ones((2, 2), np.float32)}, folder / "model.safetensors")
    said = {"task": "image-classification", "licence": "MIT", "architecture": "generic", "origin": "internal"}
    registry = bootstrap.open(home, settings=settings, actor="bench")
    name = Name(*MODEL.split("."))
    registry.catalog.import_model(
        ImportModel(name, str(folder / "model.safetensors"), modality=Modality.IMAGE, **said)  # type: ignore[arg-type]
    )
    assert token is not None
    return home, token


def _theirs(folder: Path) -> str:
    """The URI of a store of MLflow with one version."""
    from mlflow import MlflowClient

    store = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=store, registry_uri=store)
    client.create_registered_model(MODEL)
    client.create_model_version(MODEL, f"{folder}/model.safetensors")
    return store


@contextmanager
def running(
    name: str,
    words: list[str],
    environment: Mapping[str, str],
    headers: Mapping[str, str],
    *,
    seconds: float = START_SECONDS,
) -> Iterator[Served]:
    """A server started by `python -m WORDS… --port PORT`, as soon as it answers. Raises: SystemExit."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", *words, "--port", str(port)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, env=os.environ | environment) as process:
        try:
            _wait_for(name, port, process, seconds)
            yield Served(name, port, process.pid, headers)
        finally:
            process.terminate()
            process.wait(60)


def _wait_for(name: str, port: int, process: subprocess.Popen[bytes], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise SystemExit(f"{name} does not answer")


if __name__ == "__main__":
    main()
