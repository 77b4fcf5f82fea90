"""No order of publishing, deleting, dying, collecting, damaging and repairing loses an object that is needed."""

from __future__ import annotations

import os

from hypothesis import settings

from tests.registry.services.artifacts.store_machine import StoreMachine

EXAMPLES = int(os.environ.get("STORE_EXAMPLES", "10"))
"""Runs of 50 steps each. `make store-walk` takes enough for 100,000 steps."""

TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=EXAMPLES, stateful_step_count=50)


def teardown_module() -> None:
    """For `make store-walk`."""
    print(f"{StoreMachine.steps:,} random steps over the store")
