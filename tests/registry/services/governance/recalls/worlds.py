"""A small ancestry to recall from, drawn as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Level, NewRecall, RecallDetail
from registry.domain.names import AssetKind, VersionRef
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.data.verbs import Datasets, materialise_dataset
from registry.services.governance.recalls.verbs import Recalls
from tests.builders import add_dataset_version, add_version, store
from tests.registry.services.teams import Team, ref_of


@dataclass
class World:
    """`photos` trained `base`; `base` became `child`, `child` became `grandchild`; `pupil` learnt from answers of
    `base`; `stranger` was only measured on `photos`, and `heir` was made from it; `synthetic` is data that `base` made.
    """

    team: Team
    photos: VersionRef
    base: VersionRef
    child: VersionRef
    grandchild: VersionRef
    synthetic: VersionRef
    pupil: VersionRef
    stranger: VersionRef
    heir: VersionRef

    def recalls(self, who: str = "root") -> Recalls:
        return Recalls(self.team.context(who))

    def open(self, target: object, level: Level = Level.RECALL, who: str = "root", **more: object) -> RecallDetail:
        return self.recalls(who).open(NewRecall(str(target), level, "no consent", **more))  # type: ignore[arg-type]

    def status(self, ref: VersionRef) -> Status:
        if ref.kind is AssetKind.MODELS:
            return Catalog(self.team.context("guest")).version(ref_of(ref)).summary.status
        return Datasets(self.team.context("guest")).version(ref_of(ref)).summary.status

    def statuses(self) -> dict[str, str]:
        names = ("photos", "base", "child", "grandchild", "synthetic", "pupil", "stranger", "heir")
        return {name: self.status(getattr(self, name)).value for name in names}

    def sound(self) -> bool:
        """The log gives the same state as the database, and searches count what is there."""
        report = Audit(self.team.context("root")).verify(state=True)
        assert not report.differences, report.differences
        return report.intact


WEIGHTS = "weights/model.safetensors"


def build(team: Team) -> World:
    with team.open_uow(actor="ana", write=True) as uow:
        photos = add_dataset_version(uow, "data/photos")
        base = add_version(uow, "vision/base", data={"train": photos})
        child = add_version(uow, "vision/child", parents=[base])
        grandchild = add_version(uow, "vision/grandchild", parents=[child])
        synthetic = add_dataset_version(uow, "data/synthetic", parents=[base])
        pupil = add_version(uow, "vision/pupil", data={"train": synthetic})
        stranger = add_version(uow, "vision/stranger", data={"test": photos})
        heir = add_version(uow, "vision/heir", parents=[stranger])
        made = (photos, base, child, grandchild, synthetic, pupil, stranger, heir)
        for ref in made:
            store(team.blobs, str(ref), rows=ref.kind is AssetKind.DATASETS)
        uow.commit(*(Event("made", str(ref), {}) for ref in made))
    return World(team, photos, base, child, grandchild, synthetic, pupil, stranger, heir)


def readers(world: World, ref: VersionRef, who: str = "ana") -> dict[str, Callable[[], object]]:
    """Every verb that gives bytes of a version."""
    context, folder = world.team.context(who), world.team.home / f"out-{who}"
    if ref.kind is AssetKind.MODELS:
        return {
            "open_file": lambda: Catalog(context).open_file(ref_of(ref), WEIGHTS).close(),
            "range": lambda: Catalog(context).open_file(ref_of(ref), WEIGHTS, start=1, length=1).close(),
            "pull": lambda: Catalog(context).pull(ref_of(ref), folder / "model"),
        }
    detail = Datasets(context).version(ref_of(ref))
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    return {
        "open_file": lambda: Catalog(context).open_file(ref_of(ref), detail.files[0].path).close(),
        "pull": lambda: Datasets(context).pull(ref_of(ref), folder / "data"),
        "materialise": lambda: materialise_dataset(context, detail, folder / "rows"),
    }


def wish_for(world: World) -> NewRecall:
    return NewRecall(str(world.base), Level.RECALL, "why")
