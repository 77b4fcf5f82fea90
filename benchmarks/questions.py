"""What each question of MLflow's protocol costs: our server beside `mlflow server`, one worker each, in turns.

Both hold a hundred registered models with the same names, one version each with a description, and are asked over four
kept connections. Ours checks a token with each request, asks the policy about aliases and writes the audit log; MLflow
checks nobody. The CPU is that of the server and its workers.

    python -m benchmarks.questions [--clients 4] [--seconds 3] [--rounds 3]
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.material.catalog import World, fill
from benchmarks.serving import UNLIMITED, Served, at_once, cpu_of, running
from registry import bootstrap
from registry.settings import Settings
from registry.storage.database import default_url, open_database

MODELS = 100
SETTLING, QUIET = 180.0, 0.5
"""Seconds that servers may take to come to rest, and seconds of CPU in five that are rest."""
API = "/api/2.0/mlflow"
Ask = Callable[[random.Random, World], tuple[str, str, dict[str, object]]]


def _name(draw: random.Random, world: World) -> str:
    while world.statuses[i := draw.randrange(world.models)] == "archived":
        pass  # no alias can name it
    return world.name(i).replace("/", ".")


QUESTIONS: dict[str, Ask] = {
    "get version": lambda draw, world: (
        "GET",
        f"{API}/model-versions/get?" + urlencode({"name": _name(draw, world), "version": 1}),
        {},
    ),
    "get model": lambda draw, world: (
        "GET",
        f"{API}/registered-models/get?" + urlencode({"name": _name(draw, world)}),
        {},
    ),
    "list, 100 models": lambda _draw, _world: ("GET", f"{API}/registered-models/search?max_results=100", {}),
    "search by name": lambda draw, world: (
        "GET",
        f"{API}/registered-models/search?" + urlencode({"filter": f"name = '{_name(draw, world)}'"}),
        {},
    ),
    "versions of a model": lambda draw, world: (
        "GET",
        f"{API}/model-versions/search?" + urlencode({"filter": f"name = '{_name(draw, world)}'"}),
        {},
    ),
    "set alias": lambda draw, world: (
        "POST",
        f"{API}/registered-models/alias",
        {"name": _name(draw, world), "alias": "bench", "version": "1"},
    ),
    "set tag": lambda draw, world: (
        "POST",
        f"{API}/registered-models/set-tag",
        {"name": _name(draw, world), "key": "bench", "value": str(draw.random())},
    ),
}


@dataclass
class Cost:
    """What one question cost one server."""

    seconds: list[float] = field(default_factory=list)
    cpu: float = 0.0
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.seconds) / self.wall

    @property
    def each(self) -> float:
        """Milliseconds of CPU for one."""
        return self.cpu / len(self.seconds) * 1000

    @property
    def p99(self) -> float:
        """Milliseconds that 99 of 100 requests stayed within."""
        return sorted(self.seconds)[int(0.99 * len(self.seconds))] * 1000


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each question, server and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="measure only questions whose name contains this")
    given = parser.parse_args()
    world = World(MODELS * 5 // 4)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        servers = [stack.enter_context(one) for one in (_ours(Path(folder)), _theirs(Path(folder), world))]
        settle(servers)
        print(f"{given.clients} clients, {world.models} models\n")
        print("| question | requests a second | CPU ms each | p99 ms | requests | CPU |\n|---|---|---|---|---|---|")
        for name, ask in QUESTIONS.items():
            if given.only in name:
                costs = [Cost(), Cost()]
                for number in range(given.rounds + 1):
                    for server, cost in zip(servers, costs, strict=True):
                        spent = cost if number else Cost()  # the first round is not counted
                        measure(server, ask, world, spent, given.clients, given.seconds)
                print(_row(name, *costs), flush=True)


def settle(servers: list[Served]) -> None:
    """Wait until the servers have done what they do after a start."""
    until = time.monotonic() + SETTLING
    for server in servers:
        cpu = cpu_of(server.process)
        while time.monotonic() < until:
            time.sleep(5.0)
            before, cpu = cpu, cpu_of(server.process)
            if cpu - before < QUIET:
                break


def measure(server: Served, ask: Ask, world: World, cost: Cost, clients: int, seconds: float) -> None:
    """Ask for some seconds from each of `clients` threads. Raises: SystemExit for a wrong answer."""
    until = time.perf_counter() + seconds
    wall, cpu, spent = at_once(
        server, clients, lambda number, found, wrong: _client(server, ask, world, number, until, found, wrong)
    )
    cost.wall += wall
    cost.cpu += cpu
    cost.seconds += spent


def _client(
    server: Served, ask: Ask, world: World, seed: int, until: float, found: list[float], wrong: list[str]
) -> None:
    draw, connection = random.Random(seed), http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    while time.perf_counter() < until:
        method, path, sent = ask(draw, world)
        body = json.dumps(sent) if sent else None
        headers: Mapping[str, str] = {**server.headers, "Content-Type": "application/json"}
        began = time.perf_counter()
        connection.request(method, path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        text = answer.read()
        found.append(time.perf_counter() - began)
        if answer.status != 200 or not isinstance(json.loads(text), dict):
            wrong.append(f"{method} {path}: {answer.status} {text[:200]!r}")
            break
    connection.close()


def _row(name: str, ours: Cost, theirs: Cost) -> str:
    return (
        f"| {name} | {ours.rate:,.0f} / {theirs.rate:,.0f} | {ours.each:.2f} / {theirs.each:.2f} | "
        f"{ours.p99:,.0f} / {theirs.p99:,.0f} | {ours.rate / theirs.rate:.1f}x | {theirs.each / ours.each:.1f}x |"
    )


def _ours(folder: Path) -> AbstractContextManager[Served]:
    home, settings = folder / "home", Settings(mlflow_uri="off")
    home.mkdir()
    with open_database(default_url(home)) as database:
        fill(database, MODELS * 5 // 4)
    token = bootstrap.init(home, settings=settings, actor="bench", upgrade=True).token
    own = {"FOREBEAR_HOME": str(home), "FOREBEAR_MLFLOW_URI": "off", **UNLIMITED}
    words = ["registry.cli", "serve", "--home", str(home)]
    return running("forebear serve", words, own, {"Authorization": f"Bearer {token}"})


def _theirs(folder: Path, world: World) -> AbstractContextManager[Served]:
    from mlflow import MlflowClient

    store = f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=store, registry_uri=store)
    for i in range(world.models):
        name = world.name(i).replace("/", ".")
        client.create_registered_model(name, description="A model of the benchmark")
        client.create_model_version(name, f"{folder}/model", description="A version of the benchmark")
        client.set_registered_model_tag(name, "bench", "0")  # two clients that set a new one at once fail there
        client.set_registered_model_alias(name, "bench", "1")
    words = ["mlflow", "server", "--backend-store-uri", store, "--artifacts-destination", str(folder / "art")]
    return running("mlflow server", [*words, "--workers", "1"], {}, {})


if __name__ == "__main__":
    main()
