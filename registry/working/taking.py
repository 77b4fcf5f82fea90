"""Takes steps from a server, one after the other, each run by a process of its own."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from registry.client.registry import RemoteRegistry
from registry.domain.codec import to_json
from registry.domain.recipes.recipe import Resources
from registry.domain.transfers.work import Able, Assignment
from registry.errors import RegistryError, ServerUnreachableError, UnavailableError
from registry.files import write_whole
from registry.folders import writing
from registry.plugins import EntryPointPlugins
from registry.services.transfers.leases import this_host
from registry.working.step import work_folder

logger = logging.getLogger("forebear.worker")


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker of this machine: where it keeps inputs and checkpoints, how often it asks, and whom it tells what."""

    registry: RemoteRegistry
    able: Able
    cache: Path
    tell: Callable[[str], None]
    pause: float = 5.0
    """Seconds between two questions where no step waits."""

    def serve(self, *, once: bool = False) -> int:
        """Run steps until the process is ended; with `once`, those that wait now. How many steps succeeded."""
        succeeded = 0
        while True:
            try:
                assignment = self.registry.work.take(self.able)
            except ServerUnreachableError as error:
                if once:
                    raise
                self.tell(f"{error.message}; asking again in {self.pause:g} s")
                assignment = None
            if assignment is not None:
                succeeded += self.run(assignment)
            elif once:
                return succeeded
            else:
                time.sleep(self.pause)

    def run(self, assignment: Assignment) -> bool:
        """Run one step in a process of its own; True if it succeeded. Its log lies beside its checkpoints."""
        step_id = assignment.step.summary.id
        log = self.cache / "logs" / f"{step_id}.log"
        with writing(self.cache):
            folder = work_folder(self.cache, step_id)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            log.parent.mkdir(exist_ok=True)
            file = folder / "assignment.json"
            write_whole(file, json.dumps(to_json(assignment)).encode())
        self.tell(f"Running {step_id} for {assignment.step.summary.created_by}; its log is {log}")
        words = [sys.executable, "-P", "-m", "registry.working.step", str(file), "--cache", str(self.cache)]
        with log.open("ab") as out, subprocess.Popen(words, stdout=out, stderr=out, env=self._environment()) as process:
            code = _waited(process)
        self.tell(f"{step_id} {'succeeded' if code == 0 else f'ended with code {code}'}")
        if code != 0:
            how = f"by signal {-code}" if code < 0 else f"with the code {code}"
            try:  # where the process could not tell the server itself
                self.registry.work.give_up(step_id, assignment.worker, f"Its process ended {how}")
            except RegistryError as error:
                logger.info("The step is not ours any more: %s", error)
        return code == 0

    def _environment(self) -> dict[str, str]:
        server = self.registry.server
        own = {"FOREBEAR_URL": server.url, "FOREBEAR_TOKEN": server.token or ""}
        return {**os.environ, **own, **({"FOREBEAR_ALLOW_HTTP": "1"} if server.allow_http else {})}


def able(engine: str) -> Able:
    """What this machine can run: the adapters whose library is installed, and what its engine grants."""
    plugins = EntryPointPlugins(memory=0, seconds=0)
    local = plugins.engine(engine)
    names = tuple(sorted(name for name in plugins.offers() if find_spec(name) is not None))
    return Able(this_host(), names, local.grant(Resources()).cpus, _gpus(plugins, engine))


def _gpus(plugins: EntryPointPlugins, engine: str) -> int:
    try:
        plugins.engine(engine).grant(Resources(gpus=1))
    except UnavailableError:
        return 0
    return 1


def _waited(process: subprocess.Popen[bytes]) -> int:
    """The exit code; where this process is asked to end, the other is, too."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise
