"""What a recall took back, for a plan that makes its descendants again without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.domain.governance.recalls import WITH_REPLACEMENT, RecallState, Task
from registry.domain.names import VersionRef
from registry.domain.paging import every
from registry.errors import ConflictError, InvalidError
from registry.services.governance.recalls.opening import recall_of
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A recall that stands: its targets, and the tasks about what was made from them."""

    recall: str
    targets: Sequence[VersionRef]
    tasks: Mapping[VersionRef, Task]
    now: datetime

    @classmethod
    def read(cls, uow: UnitOfWork, recall_id: str, now: datetime) -> TakenBack:
        """Raises: NotFoundError; ConflictError for one that was reversed."""
        if recall_of(uow, recall_id, now).state is RecallState.REVERSED:
            raise ConflictError(f"{recall_id} is reversed, so it has no tasks any more")
        tasks = every(lambda page: uow.recalls.tasks(recall_id, unsettled=False, now=now, page=page))
        return cls(recall_id, uow.recalls.targets(recall_id), {task.ref: task for task in tasks}, now)

    def replaced_by(self, new: VersionRef, named: VersionRef | None) -> VersionRef:
        """The target in whose place `new` is put. Raises: InvalidError."""
        if new in self.targets or new in self.tasks:
            raise InvalidError(f"{new} is reached by {self.recall} too", remedy="Name a version that it does not reach")
        found = [one for one in self.targets if one.kind is new.kind]
        kind = new.kind.value.removesuffix("s")
        if not found or (named is not None and named not in found):
            raise InvalidError(
                f"{self.recall} did not take back {named or f'a {kind}'}",
                remedy=f"See what it took back: forebear recall show {self.recall}",
            )
        if named is None and len(found) > 1:
            raise InvalidError(
                f"{self.recall} took back {len(found)} versions of a {kind}, such as {found[0]}",
                remedy=f"Name one with --replaces; they are in: forebear recall show {self.recall}",
            )
        return named or found[0]

    def places(self, new: VersionRef) -> Mapping[str, str]:
        """What stands in a recipe instead of what: `new` for each target of its kind, and what descendants have got."""
        got = {
            str(ref): task.replacement
            for ref, task in self.tasks.items()
            if task.disposition in WITH_REPLACEMENT and not task.deleted
        }
        return got | {str(one): str(new) for one in self.targets if one.kind is new.kind}

    def settled(self, ref: VersionRef) -> str:
        """Why a descendant needs no other version, as the end of a sentence; empty where its task is open."""
        task = self.tasks.get(ref)
        if task is None:
            return f"{self.recall} does not reach it"
        return f"its task has the disposition {task.disposition}" if task.settled(self.now) else ""
