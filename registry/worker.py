"""The process that an engine starts: `python -m registry.worker STEP --home HOME` runs one step, then mirrors it."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from registry import bootstrap
from registry.errors import RegistryError
from registry.services.context import Context
from registry.services.running import run_step
from registry.services.tracking import Tracking
from registry.settings import Settings

logger = logging.getLogger("forebear.worker")


def main(words: list[str] | None = None) -> int:
    """Run the step as whoever submitted it; exit 0, or the code of the error's family."""
    parser = argparse.ArgumentParser(prog="registry.worker")
    parser.add_argument("step")
    parser.add_argument("--home", type=Path, required=True)
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    return _guarded(lambda: _work(given.home, given.step))


def _work(home: Path, step_id: str) -> int:
    settings = Settings.from_environment()
    with bootstrap.open_system(home, settings=settings) as house:
        submitted_by = house.transfers.step(step_id).summary.created_by
    with bootstrap.open(home, settings=settings, actor=submitted_by) as office:
        code = _guarded(lambda: _run(office.context, step_id))
        _guarded(Tracking(office.context).flush)  # how the step went does not depend on its mirror
    return code


def _run(context: Context, step_id: str) -> int:
    run_step(context, step_id)
    return 0


def _guarded(work: Callable[[], int]) -> int:
    """What `work` gives, or the code of the error's family once its sentence is in the log."""
    try:
        return work()
    except RegistryError as error:
        logger.error("%s [%s]", error, error.code)  # noqa: TRY400 - the sentence is the message; no traceback is needed
        return error.family.exit_code
    except Exception:
        logger.exception("the worker failed in a way of its own")
        return 1


if __name__ == "__main__":
    sys.exit(main())
