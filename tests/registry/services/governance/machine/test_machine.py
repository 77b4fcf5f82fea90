"""No order of requests, votes, roles, waivers, emergencies, recalls, deletions and days brings past the policy what it
refuses: production has its quorum, what is withheld stays so, and each change is in the audit log once.
"""

from __future__ import annotations

import os

from hypothesis import Phase, settings

from tests.registry.services.governance.machine.machine import GovernanceMachine

EXAMPLES = int(os.environ.get("GOVERNANCE_EXAMPLES", "3"))
"""Runs of up to `STEPS` steps each. `make governance-walk` takes more, and longer ones."""
STEPS = int(os.environ.get("GOVERNANCE_STEPS", "25"))

WALK = "GOVERNANCE_EXAMPLES" in os.environ
"""At CI size the same steps are taken each time, and a failure is told at once, not shortened for minutes."""

TestGovernance = GovernanceMachine.TestCase
TestGovernance.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    derandomize=not WALK,
    phases=[Phase.generate, *([Phase.shrink] if WALK else [])],
)


def teardown_module() -> None:
    """For `make governance-walk`."""
    print(f"{GovernanceMachine.steps:,} random steps through requests, votes and recalls")
