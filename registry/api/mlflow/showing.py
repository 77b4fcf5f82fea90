"""Registered models and versions in the fields that MLflow's clients read. A model `team/name` is named `team.name`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from registry.domain.catalog.models import FIRST_STAGE, PRODUCTION, RETIRED, Status, VersionDetail, VersionSummary
from registry.domain.catalog.picking import Comparison, ListedModel, ListedVersion, Of, Picked
from registry.domain.catalog.statuses import Use, notice
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.verbs.registry import Registry
from registry.errors import BadNameError, InvalidError, NotFoundError

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
"""Where files lie, below the address of the server."""
RUN_ID = "mlflow.run_id"
"""The tag that keeps the run that a version was registered from."""
STAGES = ("None", "Staging", "Production", "Archived")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the values of one answer are made from: the caller's registry, and the address of the server."""

    registry: Registry
    base: str

    def model(self, name: Name) -> dict[str, Any]:
        """A registered model, with the newest version of each stage. Raises: NotFoundError."""
        return self.listed(self._one(name))

    def listed(self, model: ListedModel) -> dict[str, Any]:
        """A registered model that is read already."""
        one = model.summary
        return {
            "name": named(one.name),
            "creation_timestamp": moment(one.created_at),
            "last_updated_timestamp": moment(one.updated_at),
            "user_id": one.owner,
            "description": one.description,
            "latest_versions": [self.listed_version(newest) for newest in newest_of(model).values()],
            "tags": _tags(one.tags),
            "aliases": [{"alias": alias.alias, "version": str(alias.ref.number)} for alias in model.aliases],
        }

    def newest(self, name: Name) -> dict[str, ListedVersion]:
        """The newest version of each of MLflow's stages. Raises: NotFoundError."""
        return newest_of(self._one(name))

    def version(self, reference: Reference) -> dict[str, Any]:
        """A version. Raises: NotFoundError."""
        return self.detailed(self.registry.catalog.version(reference))

    def detailed(self, detail: VersionDetail) -> dict[str, Any]:
        """A version that is read already."""
        card = detail.card.text if detail.card else ""
        return self.listed_version(ListedVersion(detail.summary, detail.tags, card, detail.step, detail.status_reason))

    def listed_version(self, version: ListedVersion) -> dict[str, Any]:
        """A version of a list. It is ready at once: nothing here is registered before it is whole."""
        one = version.summary
        return {
            "name": named(one.ref.name),
            "version": str(one.ref.number),
            "creation_timestamp": moment(one.created_at),
            "last_updated_timestamp": moment(one.created_at),
            "user_id": one.created_by,
            "current_stage": stage_of(one),
            "description": version.card,
            "source": self.source(one.ref),
            "run_id": version.tags.get(RUN_ID, ""),
            "run_link": f"{self.base}/steps/{version.step}",
            "status": "READY",
            "status_message": notice(one.ref, one.status, version.status_reason, Use.READ),
            "tags": _tags(version.tags),
            "aliases": sorted(one.aliases),
        }

    @property
    def artifacts(self) -> str:
        """What the addresses of files begin with."""
        return f"{self.base}{ARTIFACTS}"

    def source(self, ref: VersionRef) -> str:
        """The address of a version's files."""
        return f"{self.artifacts}/{named(ref.name)}/{ref.number}"

    def _one(self, name: Name) -> ListedModel:
        """One registered model, read as lists are. Raises: NotFoundError."""
        page = self.registry.catalog.list_models(Picked((Comparison(Of.NAME, "=", str(name)),), page=PageRequest(1)))
        if not page.items:
            raise NotFoundError(f"The registered model {named(name)} does not exist", remedy="Search for its name")
        return page.items[0]


def newest_of(model: ListedModel) -> dict[str, ListedVersion]:
    """The newest version of each of MLflow's stages."""
    found: dict[str, ListedVersion] = {}
    for one in model.newest:
        found.setdefault(stage_of(one.summary), one)
    return found


def stage_of(version: VersionSummary) -> str:
    """The one of MLflow's four stages that says the most of ours."""
    if version.stage == RETIRED or version.status is Status.ARCHIVED:
        return "Archived"
    return {FIRST_STAGE: "None", PRODUCTION: "Production"}.get(version.stage, "Staging")


def named(name: Name) -> str:
    """MLflow's names hold no slash."""
    return f"{name.team}.{name.name}"


def read_name(text: str) -> Name:
    """`team.name`, or `team/name`. Raises: BadNameError."""
    team, separator, name = text.replace("/", ".", 1).partition(".")
    if not separator:
        raise BadNameError(f"{text[:120]!r} is not a name", remedy="Write team.name, for example vision.digits")
    return Name(team, name)


def read_version(name: str, version: str) -> Reference:
    """One version by its number. Raises: BadNameError, InvalidError."""
    if not (version.isascii() and version.isdigit() and 1 <= len(version) <= 9 and int(version)):
        raise InvalidError(f"{version[:40]!r} is not a version", remedy="Give its whole number")
    return Reference(AssetKind.MODELS, read_name(name), int(version))


def moment(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def of_stages(found: Mapping[str, ListedVersion], stages: Sequence[str]) -> list[ListedVersion]:
    """Those of the stages that are asked for; all without any. Raises: InvalidError."""
    known = {stage.lower(): stage for stage in STAGES}
    unknown = [stage for stage in stages if stage.lower() not in known]
    if unknown:
        raise InvalidError(f"{unknown[0][:80]!r} is not a stage", remedy=f"Ask for {', '.join(STAGES)}")
    wanted = [known[stage.lower()] for stage in stages] or list(found)
    return [found[stage] for stage in wanted if stage in found]


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]
