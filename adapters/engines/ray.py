"""The engine of a cluster: the worker of a step as a job of Ray, submitted to the head and run on any node.

Ray gets the command line and what it needs of CPUs and GPUs, and nothing else: the nodes have Forebear installed where
Ray runs, reach the registry folder under the same path, and find the database by their own settings. No password passes
through Ray, whose dashboard shows a job's environment to everybody.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import requests
from ray.job_submission import JobStatus, JobSubmissionClient

from adapters.engines.commands import WORKER, worker_command
from registry.domain.recipes.recipe import Resources
from registry.domain.transfers.steps import StepState
from registry.errors import AdapterError, StepStateError, UnavailableError

STATES = {
    JobStatus.PENDING: StepState.QUEUED,
    JobStatus.RUNNING: StepState.RUNNING,
    JobStatus.STOPPED: StepState.CANCELLED,
    JobStatus.SUCCEEDED: StepState.SUCCEEDED,
    JobStatus.FAILED: StepState.INTERRUPTED,
}
"""What a job's status says of its step. How a step ended is written by its worker, not taken from here."""
ADDRESS = "FOREBEAR_RAY_ADDRESS"
"""The environment variable with the address of the cluster's dashboard, such as http://head:8265."""
LOG_LENGTH = 1024**2
"""How many characters of the end of a log are given."""
STOP_SECONDS = 30.0
"""How long a job may take to end after it was asked to; Ray kills it after a few seconds."""
_POLL_SECONDS = 0.5
_JOB = re.compile(r"(?P<step>step-[0-9a-z]+)-(?P<attempt>\d+)")


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt at a step, as the cluster knows it. The newest attempt has the highest number."""

    id: str
    attempt: int
    status: JobStatus
    message: str

    @property
    def goes_on(self) -> bool:
        """True until it has ended."""
        return not self.status.is_terminal()


class RayJobs:
    """Implements `Engine` through Ray Job Submission. `python` is what the nodes call theirs.

    `address` is that of the cluster's dashboard; None: what the environment variable `ADDRESS` holds.
    """

    name = "ray"

    def __init__(self, address: str | None = None, *, module: str = WORKER, python: str = "python") -> None:
        self._address, self._module, self._python = address or os.environ.get(ADDRESS), module, python
        self._client: JobSubmissionClient | None = None

    def grant(self, needs: Resources) -> Resources:
        """One CPU, unless more are asked for. Raises: UnavailableError when the cluster does not answer.

        A cluster may grow, so that what no node has today is no reason to refuse: the job waits.
        """
        self._reach()
        return needs if needs.cpus else replace(needs, cpus=1)

    def start(self, step_id: str, home: Path, needs: Resources, *, adapter: str = "") -> None:  # noqa: ARG002 -- as above
        """Submit a job for the worker. Raises: StepStateError when one goes on already, UnavailableError."""
        jobs = self._jobs(step_id)
        if jobs and jobs[-1].goes_on:
            raise StepStateError(f"{step_id} has a worker already", remedy="Wait for it, or cancel the step")
        words = worker_command(self._python, step_id, home, needs, module=self._module)
        with _answering():
            self._reach().submit_job(
                submission_id=f"{step_id}-{jobs[-1].attempt + 1 if jobs else 1}",
                entrypoint=shlex.join(words),
                entrypoint_num_cpus=needs.cpus,
                entrypoint_num_gpus=needs.gpus or None,
                metadata={"forebear_step": step_id},
            )

    def wait(self, step_id: str, home: Path) -> None:
        """Until the newest job has ended. A request to end that comes meanwhile stops the job first."""
        with _listening() as asked:
            while (jobs := self._jobs(step_id)) and jobs[-1].goes_on:
                if asked:
                    self.stop(step_id, home)
                time.sleep(_POLL_SECONDS)

    def alive(self, step_id: str, home: Path) -> bool | None:  # noqa: ARG002 -- as above
        """Whether the newest job waits or runs; None when there is none, or the cluster does not answer."""
        try:
            jobs = self._jobs(step_id)
        except UnavailableError:
            return None  # the lease decides
        return jobs[-1].goes_on if jobs else None

    def state(self, step_id: str) -> StepState | None:
        """What the newest job's status says of the step; None when there was no job. Raises: UnavailableError."""
        jobs = self._jobs(step_id)
        return STATES[jobs[-1].status] if jobs else None

    def stop(self, step_id: str, home: Path) -> bool:  # noqa: ARG002 -- as above
        """Stop the newest job and wait until it has ended; True when it went on. Raises: UnavailableError.

        Ray cannot cancel a job that still waits for resources. When it starts, its worker cannot take the step.
        """
        jobs = self._jobs(step_id)
        if not jobs or not jobs[-1].goes_on:
            return False
        with _answering():
            self._reach().stop_job(jobs[-1].id)
            deadline = time.monotonic() + STOP_SECONDS
            while (
                jobs[-1].status is not JobStatus.PENDING and not self._reach().get_job_status(jobs[-1].id).is_terminal()
            ):
                if time.monotonic() > deadline:
                    raise UnavailableError(f"The job {jobs[-1].id} does not end", remedy="Look at Ray's dashboard")
                time.sleep(_POLL_SECONDS / 5)
        return True

    def log(self, step_id: str, home: Path) -> str:  # noqa: ARG002 -- as above
        """What the jobs of the step have written, and what Ray says of one that failed."""
        parts = []
        for job in self._jobs(step_id):
            with _answering():
                parts.append(str(self._reach().get_job_logs(job.id)))
            if job.status is JobStatus.FAILED:
                parts.append(f"Ray: {job.id} failed: {job.message}\n")
        return "".join(parts)[-LOG_LENGTH:]

    def _jobs(self, step_id: str) -> list[Job]:
        """The attempts at a step, oldest first."""
        with _answering():
            listed = self._reach().list_jobs()
        found = []
        for one in listed:
            name = _JOB.fullmatch(one.submission_id or "")
            if name is not None and name["step"] == step_id:
                found.append(Job(one.submission_id, int(name["attempt"]), one.status, one.message or ""))
        return sorted(found, key=lambda job: job.attempt)

    def _reach(self) -> JobSubmissionClient:
        if self._client is None:
            if not self._address or not self._address.startswith(("http://", "https://")):
                raise UnavailableError(
                    f"The engine ray does not know where its cluster is ({ADDRESS} is {self._address!r})",
                    remedy="Set it to the address of the cluster's dashboard, such as http://head:8265",
                )
            with _answering():
                self._client = JobSubmissionClient(self._address)
        return self._client


@contextmanager
def _answering() -> Iterator[None]:
    """Ray raises ConnectionError for a head that is away and RuntimeError for whatever the head refuses."""
    try:
        yield
    except (ConnectionError, requests.RequestException) as error:
        raise UnavailableError(
            f"The Ray cluster does not answer: {_first_line(error)}",
            remedy=f"Check {ADDRESS}, and the cluster",
        ) from error
    except (RuntimeError, ValueError) as error:
        raise AdapterError(f"Ray refuses: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]


@contextmanager
def _listening() -> Iterator[list[int]]:
    """While a job runs, note requests to end instead of obeying them; they are obeyed when it has ended."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number: int, _frame: Any) -> None:
        received.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        with contextlib.suppress(ProcessLookupError):
            signal.raise_signal(received[-1])
