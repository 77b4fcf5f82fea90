"""The process that an engine starts: `python -m registry.worker STEP --home HOME` runs one step, then mirrors it."""

from __future__ import annotations

import argparse
import logging
import sys
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
    settings = Settings.from_environment()
    with bootstrap.open_system(given.home, settings=settings) as house:
        submitted_by = house.transfers.step(given.step).summary.created_by
    with bootstrap.open(given.home, settings=settings, actor=submitted_by) as office:
        code = _run(office.context, given.step)
        Tracking(office.context).flush()
    return code


def _run(context: Context, step_id: str) -> int:
    try:
        run_step(context, step_id)
    except RegistryError as error:
        logger.error("%s [%s]", error, error.code)  # noqa: TRY400 - the sentence is the message; no traceback is needed
        return error.family.exit_code
    except Exception:
        logger.exception("the step failed in a way of its own")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
