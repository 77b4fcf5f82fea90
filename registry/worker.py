"""The process that an engine starts: `python -m registry.worker STEP --home HOME` runs one step, then mirrors it.

Under torchrun there are several of it. The first one opens the database and does what a single one does; the others
are told the job by a file and do their share of it.
"""

from __future__ import annotations

import _thread
import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry import bootstrap
from registry.errors import RegistryError
from registry.plugins import EntryPointPlugins
from registry.services.context import Context
from registry.services.transfers import processes
from registry.services.transfers.running import run_step, work_folder
from registry.services.transfers.tracking import Tracking
from registry.settings import Settings

LAST_SECONDS = 10.0
"""How long a worker that lost its step may take to come to the end of what it is computing."""
logger = logging.getLogger("forebear.worker")


@dataclass(frozen=True, slots=True)
class Launch:
    """What torchrun says in the environment. Alone, there is no `name`."""

    name: str | None = None
    rank: int = 0

    @classmethod
    def of(cls, environment: dict[str, str]) -> Launch:
        """The launch that this process belongs to."""
        if int(environment.get("WORLD_SIZE", "1")) == 1:
            return cls()
        return cls(environment.get("TORCHELASTIC_RUN_ID", "torchrun"), int(environment["RANK"]))


def main(words: list[str] | None = None) -> int:
    """Run the step as whoever submitted it; exit 0, or the code of the error's family."""
    parser = argparse.ArgumentParser(prog="registry.worker")
    parser.add_argument("step")
    parser.add_argument("--home", type=Path, required=True)
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    launch = Launch.of(dict(os.environ))
    if launch.name is not None:
        _end_with(os.getppid())
    if launch.rank > 0:
        return _guarded(lambda: _join(given.home, given.step, launch))
    return _guarded(lambda: _work(given.home, given.step, launch))


def _work(home: Path, step_id: str, launch: Launch) -> int:
    settings = Settings.from_environment()
    with bootstrap.open_system(home, settings=settings) as house:
        submitted_by = house.transfers.step(step_id).summary.created_by
    with bootstrap.open(home, settings=settings, actor=submitted_by) as registry:
        code = _guarded(lambda: _run(registry.context, step_id, launch))
        _guarded(Tracking(registry.context).flush)  # how the step went does not depend on its mirror
    return code


def _run(context: Context, step_id: str, launch: Launch) -> int:
    # A shell that starts us in the background has us ignore Ctrl-C, which is also how we are told to leave a step.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_step(context, step_id, launch=launch.name, on_loss=_leave_off)
    return 0


def _join(home: Path, step_id: str, launch: Launch) -> int:
    assert launch.name is not None  # noqa: S101 -- told to the type checker: who has a rank above 0 was launched
    processes.join(EntryPointPlugins(memory=0, seconds=0), work_folder(home, step_id), launch.name)
    return 0


def _leave_off() -> None:
    """End what the main thread does, as Ctrl-C would; and the whole process, should it be deaf to that."""
    _thread.interrupt_main()
    last = threading.Timer(LAST_SECONDS, os._exit, (1,))
    last.daemon = True
    last.start()


def _end_with(parent: int) -> None:
    """Never outlive the launcher: each process has a session of its own, so who ends the launcher does not reach us."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="launcher", daemon=True).start()


def _guarded(work: Callable[[], int]) -> int:
    """What `work` gives, or the code of the error's family once its sentence is in the log."""
    try:
        return work()
    except RegistryError as error:
        logger.error("%s [%s]", error, error.code)  # noqa: TRY400 - the sentence is the message; no traceback is needed
        return error.family.exit_code
    except KeyboardInterrupt:
        logger.warning("the worker was asked to end")
        return 130
    except Exception:
        logger.exception("the worker failed in a way of its own")
        return 1


if __name__ == "__main__":
    sys.exit(main())
