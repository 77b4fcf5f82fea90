"""Schemathesis against a served registry: is the OpenAPI document true, and does nothing break?

`make fuzz-api` runs `python -m tests.fuzzing --cases 10000`. Schemathesis has a process and an environment of its own
(requirements-fuzz.lock), so it pins nothing of the product.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry.domain.paging import PageRequest
from registry.errors import RegistryError
from tests.serving import ServedRegistry, listening, serve_family

CHECKS = """
[checks.positive_data_acceptance]
# What a name, a recipe or a condition means is judged by the registry, not by a schema.
expected-statuses = [
  "2xx", "3xx", "400", "401", "403", "404", "409", "410", "412", "413", "422", "423", "429", "451", "503"
]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429"]
"""
HOOKS = """
import os
import schemathesis

@schemathesis.auth(refresh_interval=1)
class Token:
    def get(self, case, context):
        with open(os.environ["TOKEN_FILE"]) as file:
            return file.read()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"
"""
FOUND = shutil.which(os.environ.get("SCHEMATHESIS") or "schemathesis")
"""The command, from the variable SCHEMATHESIS or from PATH; None where it is not installed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found."""

    cases: int
    failures: int
    complete: bool
    text: str


class _Keeper(threading.Thread):
    """Keeps ana an admin with a valid token in `file`: the run may revoke her token, or take her roles away."""

    def __init__(self, served: ServedRegistry, file: Path) -> None:
        super().__init__(daemon=True)
        self.system, self.file, self.ended = served.family.system, file, threading.Event()
        self.secret = ""
        self.keep()

    def run(self) -> None:
        while not self.ended.wait(0.2):
            self.keep()

    def keep(self) -> None:
        try:
            roles = self.system.sessions.authenticate(self.secret).roles
        except RegistryError:
            self.secret = self.system.people.create_token("ana", label="fuzzing").secret
            self.file.write_text(self.secret, encoding="utf-8")
            roles = self.system.sessions.authenticate(self.secret).roles
        if "admin" not in roles:
            self.system.people.grant("ana", "admin")


def _known(served: ServedRegistry) -> str:
    """Things that exist, for the parameters of every other run: else nearly every answer would be a 404."""
    vic = served.family.registry("ana").people.tokens("vic", PageRequest()).items[0].id
    steps = served.family.registry("ana").transfers.search().items
    values = {
        "path.team": "vision",
        "path.name": "digits",
        "path.version": "2",
        "path.alias": "best",
        "path.handle": "vic",
        "path.role": "validator",
        "path.token": vic,
        "path.step": steps[0].id,
        "path.request_id": served.family.request.summary.id,
        "query.reference": "models:/vision/digits/2",
        "query.target": "models:/vision/digits/2",
        "query.source": "models:/library/lite0/1",
    }
    return "[parameters]\n" + "".join(f'"{name}" = "{value}"\n' for name, value in values.items())


def fuzz(folder: Path, *, each: int, seed: int, command: str) -> Outcome:
    """Run all phases, with at most so many cases for `each` operation in a phase."""
    served = serve_family(folder / "home")
    (folder / "schemathesis.toml").write_text(_known(served) * (seed % 2) + CHECKS, encoding="utf-8")
    (folder / "hooks.py").write_text(HOOKS, encoding="utf-8")
    (folder / "openapi.json").write_text(json.dumps(served.app.openapi()), encoding="utf-8")
    keeper = _Keeper(served, folder / "token")
    keeper.start()
    words = [command, "run", "openapi.json", "-n", str(each), "--seed", str(seed), "--continue-on-failure"]
    words += [
        "--checks",
        "all",
        "--report",
        "json",
        "--report-json-path",
        "report.json",
        "--max-response-time",
        "120",
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "hooks",
        "TOKEN_FILE": str(keeper.file),
        "PYTHONPATH": str(folder),
    }
    try:
        with listening(served.app) as address:
            ran = subprocess.run(
                [*words, "--url", address],
                cwd=folder,
                env=environment,
                text=True,
                capture_output=True,
                check=False,
            )
    finally:
        keeper.ended.set()
        keeper.join()
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    counts = report["test_cases"]
    failures = counts["with_failures"] + counts["errored"] + len(report["errors"])
    text = "" if ran.returncode == 0 else ran.stdout + ran.stderr
    return Outcome(counts["generated"], failures + (ran.returncode != 0 and not failures), report["complete"], text)


def main() -> int:
    """Run until enough cases were tried, each time with another seed; 1 if any failed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--each", type=int, default=40, help="cases for each operation and phase")
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    if FOUND is None:
        sys.exit("schemathesis is not installed: make fuzz-api installs it, or set SCHEMATHESIS to its path")
    cases, seed = 0, asked.seed
    while cases < asked.cases:
        with tempfile.TemporaryDirectory() as folder:
            outcome = fuzz(Path(folder), each=asked.each, seed=seed, command=str(Path(FOUND).absolute()))
        cases += outcome.cases
        print(f"seed {seed}: {outcome.cases:,} cases, {outcome.failures} failures", flush=True)
        if outcome.failures or not outcome.complete:
            print(outcome.text)
            return 1
        seed += 1
    print(f"{cases:,} cases, 0 failures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
