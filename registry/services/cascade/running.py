"""`forebear cascade run`: the steps of a plan, one generation after another; each result is compared with the old one.

Steps are known again by their tags (`cascade`, `replaces`): a run that was broken off goes on where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lineage import Digest
from registry.domain.cascade.plan import CascadePlan, Planned
from registry.domain.cascade.run import CascadeResult, Outcome, Remade
from registry.domain.catalog.models import FIRST_STAGE, NOT_APPROVED, RETIRED
from registry.domain.codec import to_json
from registry.domain.governance.promotion import RequestState, RequestSummary
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.people.people import Permission
from registry.domain.transfers.steps import StepDetail, StepState
from registry.errors import InvalidError, RegistryError
from registry.services.cascade.planning import replaced
from registry.services.comparison.same_rows import compare
from registry.services.context import Context
from registry.services.governance.verbs import Promotions
from registry.services.storage.transfers import TaggedStep
from registry.services.transfers.verbs import Transfers
from registry.services.workspace import workspace

MOST_SIDE_BY_SIDE = 64
CASCADE, REPLACES = "cascade", "replaces"
_GOING = {StepState.QUEUED, StepState.RUNNING}


def run(context: Context, plan: CascadePlan, side_by_side: int, watch: Callable[[str], None]) -> CascadeResult:
    """See `CascadeVerbs`."""
    context.actor.require(Permission.EDIT)
    if not 1 <= side_by_side <= MOST_SIDE_BY_SIDE:
        raise InvalidError(f"{side_by_side} steps cannot run side by side", remedy=f"Give 1 to {MOST_SIDE_BY_SIDE}")
    digest = Digest.of(canonical_json(to_json(plan)))
    running = _Run(context, plan, f"cas-{digest.hex[:16]}", watch)
    for generation in range(1, plan.generations + 1):
        members = [one for one in plan.planned if one.generation == generation]
        for start in range(0, len(members), side_by_side):
            running.make(members[start : start + side_by_side])
    return CascadeResult(running.id, plan.parent, tuple(running.done[one.old] for one in plan.planned))


@dataclass
class _Run:
    """A plan while it runs. `done` says by old version what became of it."""

    context: Context
    plan: CascadePlan
    id: str
    watch: Callable[[str], None]
    done: dict[VersionRef, Remade] = field(default_factory=dict)

    @property
    def _transfers(self) -> Transfers:
        return Transfers(self.context)

    def make(self, members: Sequence[Planned]) -> None:
        """Start the steps of all, wait for them, and compare what they made."""
        started: list[tuple[Planned, StepDetail]] = []
        earlier = self._earlier(members)
        for one in members:
            stopped = next((ref for ref in one.waits_for if not self.done[ref].outcome.goes_on), None)
            if stopped is not None:
                why = f"{stopped.label}, which it is made from, is {self.done[stopped].outcome.value.replace('_', ' ')}"
                self.done[one.old] = Remade(one.old, Outcome.NOT_MADE, note=why)
                continue
            self.watch(f"Making {one.old.label} again")
            try:
                started.append((one, self._started(one, earlier.get(one.old))))
            except RegistryError as error:
                self.done[one.old] = Remade(one.old, Outcome.FAILED, note=error.message)
        for one, step in started:
            self.done[one.old] = self._ended(one, step)

    def _started(self, one: Planned, before: TaggedStep | None) -> StepDetail:
        """Its step: a new one, or the one that an earlier run left, which goes on."""
        if before is None:
            return self._transfers.submit(json.dumps(self._recipe(one)), background=True)
        if before.state.may_resume:
            return self._transfers.resume(before.id, background=True)
        return self._transfers.step(before.id)

    def _earlier(self, members: Sequence[Planned]) -> Mapping[VersionRef, TaggedStep]:
        """By old version the newest step that an earlier run of this plan submitted for it and nobody cancelled."""
        with self.context.read() as uow:
            steps = uow.steps.tagged({one.old.name for one in members}, CASCADE, self.id)
        going = {one.tags.get(REPLACES): one for one in reversed(steps) if one.state is not StepState.CANCELLED}
        return {one.old: going[str(one.old)] for one in members if str(one.old) in going}

    def _recipe(self, one: Planned) -> dict[str, Any]:
        """With what was made before it in the place of the old versions, and the tags that it is known by."""
        places = {str(ref): str(self.done[ref].new) for ref in one.waits_for}
        record = replaced(one.recipe, places)
        return record | {"tags": {**record.get("tags", {}), CASCADE: self.id, REPLACES: str(one.old)}}

    def _ended(self, one: Planned, step: StepDetail) -> Remade:
        """Wait for the step, then compare. Raises: nothing of one step: what happened to it is in the result."""
        key = step.summary.id
        if step.summary.state in _GOING and step.lease is not None:
            self.context.plugins.engine(step.lease.engine).wait(key, self.context.home)
        ended = self._transfers.step(key).summary
        new = ended.output
        if ended.state is not StepState.SUCCEEDED or new is None:
            why = ended.error or f"Its step is {ended.state}"
            return Remade(one.old, Outcome.FAILED, step=key, note=f"{why}; run the plan again to go on")
        if new.kind is not AssetKind.MODELS:
            return Remade(one.old, Outcome.NOT_COMPARED, new, key, note="it is data, which answers nothing")
        with workspace(self.context.home, "cascade") as folder:
            found = compare(self.context, one.old, new, Path(folder) / "answers")
        if isinstance(found, str):
            note = f"no promotion was requested, because {found}"
            return Remade(one.old, Outcome.NOT_COMPARED, new, key, note=note)
        if found.gain.high < 0:
            note = "no promotion was requested and nothing is made from it"
            return Remade(one.old, Outcome.WORSE, new, key, found, note=note)
        request, note = self._requested(new, one)
        return Remade(one.old, Outcome.NOT_WORSE, new, key, found, request, note)

    def _requested(self, new: VersionRef, one: Planned) -> tuple[str, str]:
        """The id of the request to promote it, or why there is none. What moves an alias without a vote is not done.

        Stages that need no approval are passed, up to the one that the old version is in. Requests of an earlier run
        are not made again.
        """
        promotions, exact = Promotions(self.context), Reference.to(new)
        made = next(iter(promotions.requests(reference=exact).items), None)
        seen = {RETIRED, FIRST_STAGE} | ({made.from_stage, made.to_stage} if made is not None else set())
        while made is None or _goes_up(made, one):
            options = [option for option in promotions.options(exact) if option.stage not in seen]
            options.sort(key=lambda option: option.stage != one.stage)
            option = next((option for option in options if option.can_request), None)
            key = "" if made is None else made.id
            if option is None:
                missing = "; ".join(options[0].reasons) if options else "no policy lets another stage follow"
                return key, f"no further promotion can be requested yet: {missing}"
            if option.alias is not None and not option.reasons:
                return key, f"the policy asks for no approval of {option.stage}, and @{option.alias} would move at once"
            comment = f"Made again by {self.id} to follow {one.old.label}"
            try:
                made = promotions.request(exact, option.stage, comment=comment).summary
            except RegistryError as error:
                return key, f"no further promotion can be requested yet: {error.message}"
            seen.add(option.stage)
        return made.id, ""


def _goes_up(made: RequestSummary, one: Planned) -> bool:
    """True where a request was granted at once, and the old version is in a later stage."""
    return made.state is RequestState.PROMOTED and one.stage not in NOT_APPROVED and made.to_stage != one.stage
