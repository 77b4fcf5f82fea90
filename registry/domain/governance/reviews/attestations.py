"""Attestations: until when the approval of a version in its stage lasts, and what asks for a new one before that.

A new approval is a request with the target `attest:STAGE`, decided as the way into the stage was: the same evidence,
gates and approvals, on the facts of that day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from registry.domain.governance.policies.terms import RenewalTimes, Tier
from registry.domain.names import VersionRef

_PREFIX = "attest:"
WARN_DAYS = (30, 14, 3, 0)
"""Days before the due date on which those who can approve are asked; on the day itself at the latest."""


class Trigger(StrEnum):
    """What asks for a new approval at once, where the policy names it."""

    DATASET_RECALLED = "dataset_recalled"
    BASE_MODEL_RECALLED = "base_model_recalled"
    LICENCE_CHANGED = "licence_changed"
    POLICY_MAJOR_CHANGE = "policy_major_change"
    DRIFT_ALERT = "drift_alert"
    FINDING_CRITICAL = "finding_critical"
    LINEAGE_CORRECTED = "lineage_corrected"


REPORTED = frozenset({Trigger.LICENCE_CHANGED, Trigger.DRIFT_ALERT})
"""Triggers that happen outside the registry: somebody, or a program that watches, reports them."""


def attest_target(stage: str) -> str:
    """What a request for a new approval in this stage has as its target: `attest:production`."""
    return f"{_PREFIX}{stage}"


def attested_stage(target: str) -> str | None:
    """The stage in which a request with this target approves a version again; None for any other target."""
    stage = target.removeprefix(_PREFIX)
    return stage if stage != target and stage else None


def stage_of(target: str) -> str:
    """The stage that a target is about: its own for `attest:production`, else the target itself."""
    return attested_stage(target) or target


@dataclass(frozen=True, slots=True)
class Attestation:
    """How long the approval of one version in its stage lasts.

    `due_at` is None where only a trigger ends it. Unless it is approved again, the version is suspended `grace` seconds
    after `due_at`. `request` is the decision that it rests on; `warn_at` the next day on which people are asked.
    """

    ref: VersionRef
    stage: str
    request: str
    policy: str
    since: datetime
    due_at: datetime | None
    grace: int
    """Seconds from the due date to the suspension."""
    triggers: tuple[str, ...] = ()
    cause: str = ""
    """What asked for a new approval before its time, as a sentence; empty while nothing did."""
    warn_at: datetime | None = None
    lapsed_at: datetime | None = None

    @property
    def lapses_at(self) -> datetime | None:
        """When the version is suspended unless it is approved again."""
        return self.due_at + timedelta(seconds=self.grace) if self.due_at is not None else None

    def __str__(self) -> str:
        """For sentences: `the approval of models:/a/b/3 in production`."""
        return f"the approval of {self.ref} in {self.stage}"

    @property
    def reason(self) -> str:
        """Why the version is suspended when it lapses; no other suspension has this reason."""
        due = f"{self.due_at:%Y-%m-%d %H:%M} UTC" if self.due_at is not None else "no date"
        return f"Its approval in {self.stage} ({self.request}) ended on {due} and was not renewed"

    def warned(self, now: datetime) -> Attestation:
        """The same after people were asked at `now`: the next time is the next of `WARN_DAYS` that is still ahead."""
        if self.due_at is None:
            return replace(self, warn_at=None)
        ahead = [self.due_at - timedelta(days=days) for days in WARN_DAYS]
        return replace(self, warn_at=min((at for at in ahead if at > now), default=None))

    def called(self, why: str, now: datetime) -> Attestation:
        """The same, due at once because of `why`; what is due already, or lapsed, stays as it is."""
        if self.lapsed_at is not None or (self.due_at is not None and self.due_at <= now):
            return self
        return replace(self, due_at=now, cause=why, warn_at=now)


def first_warning(since: datetime, due: datetime) -> datetime:
    """The first day on which people are asked: not before the approval itself was given."""
    return min(at for days in WARN_DAYS if (at := due - timedelta(days=days)) >= min(since, due))


def attestation(
    ref: VersionRef,
    stage: str,
    times: RenewalTimes,
    tier: Tier,
    *,
    request: str,
    policy: str,
    approved_at: datetime,
    now: datetime,
    triggers: tuple[str, ...],
) -> Attestation | None:
    """What the policy says of an approval that was given at `approved_at`; None where it lasts for ever.

    One that would have ended before `now` is due now, with its grace ahead: nobody could renew it before.
    """
    after = times.after.get(tier)
    if after is None and not triggers:
        return None
    due = max(approved_at + after, now) if after is not None else None
    warn = max(first_warning(approved_at, due), now) if due is not None else None
    return Attestation(
        ref, stage, request, policy, approved_at, due, int(times.grace.total_seconds()), triggers, warn_at=warn
    )


def attestation_record(stage: str, due: str | None, *, lapsed: bool) -> str:
    """What the database and the audit log have to say alike of one attestation."""
    return f"{stage}, {'due ' + due if due else 'no due date'}{', lapsed' if lapsed else ''}"
