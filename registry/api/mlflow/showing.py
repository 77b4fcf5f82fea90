"""Registered models and versions in the fields that MLflow's clients read. A model `team/name` is named `team.name`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from registry.api.mlflow.door import door_of
from registry.api.mlflow.naming import Naming
from registry.domain.catalog.models import FIRST_STAGE, PRODUCTION, RETIRED, Status, VersionDetail, VersionSummary
from registry.domain.catalog.picking import SPELLING, Comparison, ListedModel, ListedVersion, Of, Picked
from registry.domain.catalog.statuses import Use, notice
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.verbs.registry import Registry
from registry.errors import InvalidError, NotFoundError

ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
"""Where files lie, below the address of the server."""
RUN_ID = "mlflow.run_id"
"""The tag that keeps the run that a version was registered from."""
ARCHIVED = "Archived"
STAGES = ("None", "Staging", "Production", ARCHIVED)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the values of one answer are made from: the caller's registry, the address of the server, and a team.

    At the address of a team, names are without it, and only its models are there.
    """

    registry: Registry
    server: str
    naming: Naming = field(default_factory=Naming)

    @property
    def team(self) -> str:
        """The team whose address was asked for; empty for that of all."""
        return self.naming.team

    @property
    def base(self) -> str:
        """What a client was told that the address of the registry is."""
        return f"{self.server}{door_of(self.team)}"

    def model(self, name: Name) -> dict[str, Any]:
        """A registered model, with the newest version of each stage. Raises: NotFoundError."""
        return self.listed(self._one(name))

    def listed(self, model: ListedModel) -> dict[str, Any]:
        """A registered model that is read already."""
        one = model.summary
        return {
            "name": self.naming.write(one.name, one.tags.get(SPELLING, "")),
            "creation_timestamp": moment(one.created_at),
            "last_updated_timestamp": moment(one.updated_at),
            "user_id": one.owner,
            "description": one.description,
            "latest_versions": [self.listed_version(newest) for newest in newest_of(model).values()],
            "tags": self._tags(one.tags),
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
        card = detail.card.text if detail.card and not detail.card.generated else ""
        spelling, at = detail.model.tags.get(SPELLING, ""), detail.updated_at or detail.summary.created_at
        return self.listed_version(
            ListedVersion(detail.summary, detail.tags, card, detail.step, detail.status_reason, at, spelling)
        )

    def listed_version(self, version: ListedVersion) -> dict[str, Any]:
        """A version of a list. It is ready at once: nothing here is registered before it is whole."""
        one = version.summary
        return {
            "name": self.naming.write(one.ref.name, version.spelling),
            "version": str(one.ref.number),
            "creation_timestamp": moment(one.created_at),
            "last_updated_timestamp": moment(version.updated_at),
            "user_id": one.created_by,
            "current_stage": stage_of(one),
            "description": version.card,
            "source": self.source(one.ref),
            "run_id": version.tags.get(RUN_ID, ""),
            "run_link": f"{self.server}/steps/{version.step}",
            "status": "READY",
            "status_message": notice(one.ref, one.status, version.status_reason, Use.READ),
            "tags": _tags({key: value for key, value in version.tags.items() if key != RUN_ID}),
            "aliases": sorted(one.aliases),
        }

    @property
    def artifacts(self) -> str:
        """What the addresses of files begin with."""
        return f"{self.base}{ARTIFACTS}"

    def source(self, ref: VersionRef) -> str:
        """The address of a version's files."""
        return f"{self.artifacts}/{self.naming.write(ref.name)}/{ref.number}"

    def _tags(self, tags: Mapping[str, str]) -> list[dict[str, str]]:
        shown = {key: value for key, value in tags.items() if not (self.team and key == SPELLING)}
        return _tags(shown)

    def _one(self, name: Name) -> ListedModel:
        """One registered model, read as lists are. Raises: NotFoundError."""
        page = self.registry.catalog.list_models(Picked((Comparison(Of.NAME, "=", str(name)),), page=PageRequest(1)))
        if not page.items:
            raise NotFoundError(f"The model models:/{name} does not exist", remedy="Search for its name")
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
        return ARCHIVED
    return {FIRST_STAGE: "None", PRODUCTION: "Production"}.get(version.stage, "Staging")


def read_version(naming: Naming, name: str, version: str) -> Reference:
    """One version by its number. Raises: BadNameError, InvalidError."""
    if not (version.isascii() and version.isdigit() and 1 <= len(version) <= 9 and int(version)):
        raise InvalidError(
            f"Parameter 'version' must be an integer, got '{version[:40]}'", remedy="Give the whole number of a version"
        )
    return Reference(AssetKind.MODELS, naming.read(name), int(version))


def moment(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)


def of_stages(found: Mapping[str, ListedVersion], stages: Sequence[str]) -> list[ListedVersion]:
    """Those of the stages that are asked for; all without any. Raises: InvalidError."""
    wanted = [read_stage(stage) for stage in stages] or list(found)
    return [found[stage] for stage in wanted if stage in found]


def read_stage(text: str) -> str:
    """The stage of MLflow that is meant, however it is capitalised. Raises: InvalidError."""
    stage = {one.lower(): one for one in STAGES}.get(text.lower())
    if stage is None:
        raise InvalidError(
            f"Invalid Model Version stage: {text[:80]}. Value must be one of {', '.join(STAGES)}",
            remedy="Capitals make no difference",
        )
    return stage


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in sorted(tags.items())]
