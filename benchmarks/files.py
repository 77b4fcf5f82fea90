"""What a large file costs: down beside uvicorn's FileResponse and `cp`, up beside a bare write with SHA-256.

All in turns in one run, over 127.0.0.1. The first download after a start is told apart: it reads and hashes all bytes,
the later ones are sent by the kernel. The CPU is that of the server and its children, where there is a server; of
`hf download`, which fetches the same file once more, that of the client is told beside it, and so is that of curl.

    python -m benchmarks.files [--megabytes 1024] [--rounds 3] [--uploads] [--least]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from benchmarks.serving import Served, cpu_of, running
from registry import bootstrap
from registry.settings import Settings

NAME = "vision/large"
API = "/api/v1/models"
DETAILS = {
    "task": "image-classification",
    "modality": "image",
    "licence": "MIT",
    "architecture": "generic",
    "origin": "internal",
}


@dataclass
class Row:
    """One way of moving the bytes: seconds of the clock and of the CPU, each time."""

    name: str
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def add(self, process: int | None, act: Callable[[], object]) -> None:
        """Measure one time. Without a process, the CPU is that of this one and of the children that it waits for."""
        cpu, began = _cpu(process), time.perf_counter()
        act()
        self.wall.append(time.perf_counter() - began)
        self.cpu.append(_cpu(process) - cpu)

    def line(self, megabytes: int, *, least: bool) -> str:
        """Medians, or the least of all rounds, as MB a second of each."""
        place = 0 if least else len(self.wall) // 2
        wall, cpu = sorted(self.wall)[place], sorted(self.cpu)[place]
        return f"| {self.name} | {wall:.2f} | {cpu:.2f} | {megabytes / wall:,.0f} | {megabytes / max(cpu, 0.01):,.0f} |"


async def plain(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """An application that sends the file that FILE names, as Starlette does it."""
    from starlette.responses import FileResponse  # only the server that runs this needs it

    if scope["type"] == "http":
        await FileResponse(os.environ["FILE"])(scope, receive, send)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--uploads", action="store_true", help="nothing is downloaded")
    parser.add_argument("--least", action="store_true", help="the least of the rounds, where other programs run too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder, ExitStack() as stack:
        rows = measure(Path(folder), stack, given.megabytes, given.rounds, uploads=given.uploads)
    print(f"{given.megabytes:,} MB, {'the least' if given.least else 'medians'} of {given.rounds} rounds\n")
    print("| | seconds | CPU seconds | MB a second | MB a CPU second |\n|---|---|---|---|---|")
    print("\n".join(row.line(given.megabytes, least=given.least) for row in rows))


def measure(folder: Path, stack: ExitStack, megabytes: int, rounds: int, *, uploads: bool) -> list[Row]:
    """Every row, one after the other in each round. Raises: SystemExit for a wrong answer."""
    ours, headers = _ours(folder, stack)
    file = folder / "model.safetensors"
    own = {"FILE": str(file)}
    words = ["uvicorn", "benchmarks.files:plain", "--log-level", "critical", "--no-access-log"]
    peer = stack.enter_context(running("uvicorn", words, own, {}))
    up, bare = Row("upload to `forebear serve`"), Row("bare write with SHA-256")
    first, down = Row("download, the first"), Row("download from `forebear serve`")
    curl, unwritten = Row("download, the client (curl)"), Row("download to `/dev/null`")
    response, copy = Row("uvicorn's FileResponse"), Row("`cp`")
    served, client = Row("`hf download`, the server"), Row("`hf download`, the client")
    for number in range(rounds):
        _weights(file, megabytes, number)
        up.add(ours.process, lambda: _upload(ours, headers, file))
        bare.add(None, lambda: _write(file, folder / "copy"))
        if uploads:
            continue
        address = _address(ours, headers, number + 1)
        first.add(ours.process, lambda address=address: _fetch(address, headers, folder))  # type: ignore[misc]
        down.add(ours.process, lambda address=address: curl.add(None, lambda: _fetch(address, headers, folder)))  # type: ignore[misc]
        if (folder / "out").read_bytes() != file.read_bytes():
            raise SystemExit("The download differs")
        served.add(ours.process, lambda number=number: client.add(None, lambda: _hf(ours, headers, folder, number + 1)))  # type: ignore[misc]
        unwritten.add(ours.process, lambda address=address: _curl([*headers, "-o", os.devnull, address], "200"))  # type: ignore[misc]
        response.add(peer.process, lambda: _fetch(f"http://127.0.0.1:{peer.port}/", (), folder))
        copy.add(None, lambda: subprocess.run(["cp", file, folder / "out"], check=True))
    if uploads:
        return [up, bare]
    return [down, curl, unwritten, first, served, client, response, copy, up, bare]


def _ours(folder: Path, stack: ExitStack) -> tuple[Served, Sequence[str]]:
    home = folder / "home"
    token = bootstrap.init(home, settings=Settings(mlflow_uri="off"), actor="bench").token
    environment = {"FOREBEAR_HOME": str(home), "FOREBEAR_MLFLOW_URI": "off", "FOREBEAR_HUB_UNAPPROVED": "1"}
    server = stack.enter_context(running("forebear serve", ["registry.cli", "serve"], environment, {}))
    return server, ("-H", f"Authorization: Bearer {token}")


def _weights(file: Path, megabytes: int, seed: int) -> None:
    rows = np.random.default_rng(seed).standard_normal((megabytes * 256 // 64, 1024), dtype=np.float32)
    save_file({f"{i}.weight": rows + np.float32(i) for i in range(64)}, file)


def _upload(server: Served, headers: Sequence[str], file: Path) -> None:
    fields = ["-F", f"details={json.dumps(DETAILS)};type=application/json", "-F", f"file=@{file};filename={file.name}"]
    _curl([*headers, *fields, f"http://127.0.0.1:{server.port}{API}/{NAME}/versions"], "201")


def _address(server: Served, headers: Sequence[str], number: int) -> str:
    version = f"http://127.0.0.1:{server.port}{API}/{NAME}/versions/{number}"
    found = json.loads(subprocess.check_output(["curl", "-s", *headers, version]))
    return f"{version}/files/{max(found['files'], key=lambda one: int(one['size']))['path']}"


def _fetch(address: str, headers: Sequence[str], folder: Path) -> None:
    _curl([*headers, "-o", str(folder / "out"), address], "200")


def _hf(server: Served, headers: Sequence[str], folder: Path, number: int) -> None:
    """The stock client with an empty cache. Raises: CalledProcessError."""
    own = {"HF_ENDPOINT": f"http://127.0.0.1:{server.port}", "HF_TOKEN": headers[1].rpartition(" ")[2]}
    own |= {"HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    words = [str(Path(sys.executable).with_name("hf")), "download", NAME, "--revision", str(number)]
    subprocess.run([*words, "--local-dir", str(folder / "down")], env=os.environ | own, check=True, capture_output=True)
    found = max((folder / "down").rglob("*.safetensors"), key=lambda one: one.stat().st_size)
    if found.stat().st_size != (folder / "model.safetensors").stat().st_size:
        raise SystemExit("What hf downloaded has another size")
    shutil.rmtree(folder / "down")


def _curl(words: Sequence[str], status: str) -> None:
    done = subprocess.run(["curl", "-s", "-w", "%{http_code}", *words], capture_output=True, text=True, check=True)
    if not done.stdout.endswith(status):
        raise SystemExit(f"curl: {done.stdout[-300:]}")


def _write(source: Path, target: Path) -> None:
    hashed = hashlib.sha256()
    with source.open("rb") as reading, target.open("wb") as writing:
        while data := reading.read(1024**2):
            hashed.update(data)
            writing.write(data)
        os.fsync(writing.fileno())


def _cpu(process: int | None) -> float:
    if process is not None:
        return cpu_of(process)
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system


if __name__ == "__main__":
    main()
