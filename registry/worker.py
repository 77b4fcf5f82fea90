"""The process that an engine starts: `python -m registry.worker STEP --home HOME` runs one step, then mirrors it.

With the id of a ranking it ranks models instead, as `forebear recommend` does.

An engine may start several such processes for one step, with `--launch` and `--rank-variable`. The first one opens the
database and does what a single one does; the others read the job from a file and do their share of it. With `--stay`
the mirror is written by a process of its own (`registry.mirror`), which serves later steps too.
"""

from __future__ import annotations

import _thread
import argparse
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry import bootstrap, mirror
from registry.errors import RegistryError
from registry.logs import keep_out_of_logs
from registry.plugins import EntryPointPlugins
from registry.services.context import Context
from registry.services.selection import ranking
from registry.services.selection.asked import compare_where_asked
from registry.services.transfers import processes
from registry.services.transfers.running import run_step, work_folder
from registry.services.transfers.tracking import Tracking
from registry.settings import Settings

LAST_SECONDS = 10.0
"""Seconds that a worker which lost its step may take to finish what it is computing; then it is ended."""
logger = logging.getLogger("forebear.worker")


@dataclass(frozen=True, slots=True)
class Launch:
    """Processes that were started together for one step. `name` is None for a process that works alone."""

    name: str | None = None
    rank: int = 0
    """Counts the processes of the launch from 0; the first one reports and writes."""


def main(words: list[str] | None = None) -> int:
    """Run the step as whoever submitted it; exit 0, or the code of the error's family."""
    parser = argparse.ArgumentParser(prog="registry.worker")
    parser.add_argument("step")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--launch", help="A name that several processes share which were started for this step.")
    parser.add_argument("--rank-variable", help="The environment variable that numbers the processes of a launch.")
    parser.add_argument(
        "--stay", type=float, default=0.0, help="Seconds that a process which copies to MLflow may stay."
    )
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    keep_out_of_logs()
    launch = _launch(arguments.launch, arguments.rank_variable)
    if launch.name is not None:
        _end_with(os.getppid())
    if launch.rank > 0:
        return _guarded(lambda: _join(arguments.home, arguments.step, launch))
    return _guarded(lambda: _work(arguments.home, arguments.step, launch, arguments.stay))


def _launch(name: str | None, rank_variable: str | None) -> Launch:
    if name is None or rank_variable is None:
        return Launch()
    return Launch(name, int(os.environ[rank_variable]))


def _work(home: Path, step_id: str, launch: Launch, stay: float) -> int:
    settings = Settings.from_environment()
    if ranking.is_one(step_id):
        return _rank(home, step_id, settings)
    with bootstrap.open_system(home, settings=settings) as registry:
        submitted_by = registry.transfers.step(step_id).summary.created_by
    with bootstrap.open(home, settings=settings, actor=submitted_by) as registry:
        code = _guarded(lambda: _run(registry.context, step_id, launch))
        _guarded(lambda: _mirror(registry.context, stay))  # whether it works does not change the exit code of the step
    logger.info("The worker used %.2f s of processor time", sum(os.times()[:4]))
    return code


def _rank(home: Path, ranking_id: str, settings: Settings) -> int:
    with bootstrap.open_system(home, settings=settings) as registry:
        started_by = registry.selection.ranking(ranking_id).created_by
    with bootstrap.open(home, settings=settings, actor=started_by) as registry:
        ranking.run(registry.context, ranking_id)
    shutil.rmtree(work_folder(home, ranking_id), ignore_errors=True)  # its log says nothing that the report does not
    return 0


def _mirror(context: Context, stay: float) -> int:
    tracking = Tracking(context)
    if not stay:
        tracking.flush()
    elif tracking.uri is not None:
        mirror.ask(context.home, tracking.uri, stay)
    return 0


def _run(context: Context, step_id: str, launch: Launch) -> int:
    # A shell that starts a process in the background makes it ignore SIGINT; `_stop_working` needs that signal.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    ended = run_step(context, step_id, launch=launch.name, on_loss=_stop_working)
    compare_where_asked(context, ended, alone=launch.name is None)
    return 0


def _join(home: Path, step_id: str, launch: Launch) -> int:
    assert launch.name is not None  # noqa: S101 -- for the type checker: only a launched process has a rank above 0
    processes.join(EntryPointPlugins(memory=0, seconds=0), work_folder(home, step_id), launch.name)
    return 0


def _stop_working() -> None:
    """Interrupt the main thread, as Ctrl-C would, and end the process if it has not stopped after `LAST_SECONDS`."""
    _thread.interrupt_main()
    last = threading.Timer(LAST_SECONDS, os._exit, (1,))
    last.daemon = True
    last.start()


def _end_with(parent: int) -> None:
    """End this process when its launcher ends: signals to the launcher do not reach its own session."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="launcher", daemon=True).start()


def _guarded(work: Callable[[], int]) -> int:
    """The result of `work`, or the exit code of the error's family after its message was logged."""
    try:
        return work()
    except RegistryError as error:
        logger.error("%s [%s]", error, error.code)  # noqa: TRY400 - the message says enough; no traceback is needed
        return error.family.exit_code
    except KeyboardInterrupt:
        logger.warning("The worker was stopped")
        return 130
    except Exception:
        logger.exception("The worker failed")
        return 1


if __name__ == "__main__":
    sys.exit(main())
