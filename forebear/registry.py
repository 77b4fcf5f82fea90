"""A registry as an object: what is in it, and what can be added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from forebear.data import Dataset
from forebear.models import Lineage, Model, Version
from forebear.work import Promotion, Transfer
from registry.domain.catalog.models import SearchQuery
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import PageRequest, every
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.registry import Registry as Verbs


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry, over its server or its folder. `verbs` offers every operation there is."""

    verbs: Verbs = field(repr=False)

    @property
    def actor(self) -> str:
        """The handle of who acts."""
        return self.verbs.actor.handle

    def models(self, text: str = "") -> Iterator[Model]:
        """Registered models whose words match `text`, last changed first, asked for as they are needed."""
        query = SearchQuery(text=text)
        for one in every(lambda page: self.verbs.catalog.search(replace(query, page=page))):
            yield self.model(str(one.name))

    def model(self, text: str) -> Model:
        """The registered model `team/name`. Raises: NotFoundError, BadNameError."""
        return Model(self.verbs.catalog.model(Name.parse(text)), self.verbs)

    def version(self, text: str) -> Version:
        """`models:/team/name/3`, `team/name@production` or `team/name`. Raises: NotFoundError, BadReferenceError."""
        return Version(self.verbs.catalog.version(Reference.parse(text, kind=AssetKind.MODELS)), self.verbs)

    def datasets(self, text: str = "") -> Iterator[Dataset]:
        """The latest version of each dataset whose words match `text`."""
        for one in every(lambda page: self.verbs.datasets.search(text, page)):
            yield self.dataset(str(one.name))

    def dataset(self, text: str) -> Dataset:
        """`datasets:/team/name/1` or `team/name`. Raises: NotFoundError, BadReferenceError."""
        return Dataset(self.verbs.datasets.version(Reference.parse(text, kind=AssetKind.DATASETS)), self.verbs)

    def transfers(self, limit: int = 50) -> Sequence[Transfer]:
        """The newest transfer steps."""
        found = self.verbs.transfers.search(page=PageRequest(limit)).items
        return tuple(self.transfer(one.id) for one in found)

    def transfer(self, step_id: str) -> Transfer:
        """One transfer step. Raises: NotFoundError."""
        return Transfer(self.verbs.transfers.step(step_id), self.verbs)

    def run(self, recipe: str | Path, *, wait: bool = True, baselines: bool = False) -> Transfer:
        """Run a recipe, given as YAML text or as the path of a file. Raises: BadRecipeError, NotFoundError."""
        path = recipe if isinstance(recipe, Path) else None
        text = path.read_text(encoding="utf-8") if path is not None else str(recipe)
        step = self.verbs.transfers.submit(text, recipe_path=path, background=True, baselines=baselines)
        started = Transfer(step, self.verbs)
        return started.wait() if wait else started

    def promotions(self, limit: int = 50) -> Sequence[Promotion]:
        """The newest promotion requests."""
        found = self.verbs.promotions.requests(page=PageRequest(limit)).items
        return tuple(self.promotion(one.id) for one in found)

    def promotion(self, request_id: str) -> Promotion:
        """One promotion request. Raises: NotFoundError."""
        return Promotion(self.verbs.promotions.request_detail(request_id), self.verbs)

    def lineage(self, target: str, *, up: int = -1, down: int = 0) -> Lineage:
        """What is around a version or a step, so many generations far; -1 for all. Raises: NotFoundError."""
        return Lineage(self.verbs.lineage.show(target, up=up, down=down))

    def import_model(
        self,
        name: str,
        source: str | Path,
        *,
        licence: str | None = None,
        task: str | None = None,
        architecture: str | None = None,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        parents: Sequence[str] = (),
    ) -> Version:
        """Import a model from files as the next version; `parents` are recorded as declared.

        Raises: UnsafeArtifactError, BadArtifactError, InvalidError, NameTakenError.
        """
        known = tuple(Reference.parse(text, kind=AssetKind.MODELS) for text in parents)
        wanted = ImportModel(
            Name.parse(name), str(source), architecture=architecture, task=task, licence=licence,
            description=description,
            tags=tags or {}, parents=known,
        )  # fmt: skip
        return Version(self.verbs.catalog.import_model(wanted), self.verbs)

    def add_dataset(
        self,
        name: str,
        source: str | Path,
        *,
        licence: str | None = None,
        task: str | None = None,
        label: str = "label",
    ) -> Dataset:
        """Register data as the next version of a dataset; `label` is the column of labels of a table.

        Raises: BadDataError, InvalidError, NameTakenError.
        """
        wanted = AddDataset(Name.parse(name), str(source), licence=licence, task=task, label_column=label)
        return Dataset(self.verbs.datasets.add(wanted), self.verbs)

    def __repr__(self) -> str:
        return f"Registry({self.place!r})"

    @property
    def place(self) -> str:
        """The address of the server, or the word local for a registry folder."""
        server = getattr(self.verbs, "server", None)
        return "local" if server is None else str(server.url)
