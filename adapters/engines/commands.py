"""The command line that runs a step: the worker itself, or under torchrun one worker for each GPU."""

from __future__ import annotations

import secrets
from pathlib import Path

from registry.domain.recipes.recipe import Resources

WORKER = "registry.worker"
FORK_SERVER = "adapters.engines.fork_server"


def worker_command(
    python: str, step_id: str, home: Path, needs: Resources, *, module: str = WORKER, stay: float = 0
) -> list[str]:
    """Words that start the worker of `step_id`; with several GPUs, as many that know of each other (torchrun).

    With one, a process that serves later steps may stay behind for `stay` seconds.
    """
    # -P: a folder called registry where the command was typed must not be taken for ours.
    words = [module, step_id, "--home", str(home.resolve())]
    if needs.gpus > 1:
        return [python, "-P", "-m", *torchrun(needs.gpus), "-m", *words, *together()]
    return [python, "-P", "-m", *words, *(("--stay", f"{stay:g}") if stay else ())]


def leaving_fork_server(command: list[str], place: Path, adapter: str, seconds: float) -> list[str]:
    """The words of `worker_command`, so that a fork server with `adapter` loaded is left at the socket `place`."""
    python, safe_path, option, *words = command
    left = ["--socket", str(place), "--adapter", adapter, "--seconds", f"{seconds:g}"]
    return [python, safe_path, option, FORK_SERVER, *left, *words]


def together() -> list[str]:
    """What each worker of a launch is told: a name of the launch, and where torchrun writes the worker's number."""
    return ["--launch", secrets.token_hex(8), "--rank-variable", "RANK"]


def torchrun(processes: int) -> list[str]:
    """Torch's launcher on one machine: it picks a free port of the loopback address, and starts nothing again."""
    return [
        "torch.distributed.run",
        "--standalone",
        "--local-addr=127.0.0.1",
        f"--nproc-per-node={processes}",
        "--max-restarts=0",
    ]
