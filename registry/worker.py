"""The process that an engine starts: `python -m registry.worker STEP --home HOME` runs one step, then mirrors it."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from registry import bootstrap
from registry.errors import RegistryError
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
    submitted_by = bootstrap.open_system(given.home, settings=settings).transfers.step(given.step).summary.created_by
    office = bootstrap.open(given.home, settings=settings, actor=submitted_by)
    code = 0
    try:
        run_step(office.context, given.step)
    except RegistryError as error:
        logger.error("%s [%s]", error, error.code)  # noqa: TRY400 - the sentence is the message; no traceback is needed
        code = error.family.exit_code
    except Exception:
        logger.exception("the step failed in a way of its own")
        code = 1
    Tracking(office.context).flush()
    return code


if __name__ == "__main__":
    sys.exit(main())
