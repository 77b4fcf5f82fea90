"""Registered models, their versions, and the lineage around one."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forebear.folders import imported, kept
from forebear.notebooks import shown
from forebear.reading import reading_through
from lineage import Graph, NodeKind
from lineage.formats import as_mermaid
from registry.domain.catalog.models import ModelDetail, VersionDetail
from registry.domain.names import AssetKind, Reference
from registry.domain.paging import every
from registry.domain.verbs.impact import Affected, ImpactSummary
from registry.domain.verbs.lineage import Ancestry
from registry.domain.verbs.registry import Registry as Verbs

if TYPE_CHECKING:
    from forebear.work import Promotion


@dataclass(frozen=True, slots=True)
class Model:
    """A registered model. `detail` is all that the registry says of it, as it was when it was asked."""

    detail: ModelDetail
    verbs: Verbs = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """`team/name`."""
        return str(self.detail.summary.name)

    @property
    def aliases(self) -> Mapping[str, int]:
        """The number of the version that each alias names."""
        return {one.alias: one.ref.number for one in self.detail.aliases}

    def versions(self) -> Iterator[Version]:
        """Its versions, newest first, asked for as they are needed."""
        name = self.detail.summary.name
        for one in every(lambda page: self.verbs.catalog.versions(name, page)):
            yield Version(self.verbs.catalog.version(Reference.to(one.ref)), self.verbs)

    def version(self, number: int | str | None = None) -> Version:
        """One version, by number or by alias; without either, the latest. Raises: NotFoundError."""
        alias = number if isinstance(number, str) else None
        wanted = None if isinstance(number, str) else number
        reference = Reference(AssetKind.MODELS, self.detail.summary.name, wanted, alias)
        return Version(self.verbs.catalog.version(reference), self.verbs)

    def __repr__(self) -> str:
        return f"Model({self.name!r})"

    def _repr_html_(self) -> str:
        said = self.detail.summary
        facts = {
            "description": said.description, "task": said.task, "owner": said.owner, "versions": said.versions,
            "aliases": self.aliases, "tags": said.tags,
        }  # fmt: skip
        return shown(self.name, facts)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a model: exact, and never changed. `detail` is all that the registry says of it."""

    detail: VersionDetail
    verbs: Verbs = field(repr=False, compare=False)

    @property
    def ref(self) -> str:
        """`models:/team/name/3`."""
        return str(self.detail.summary.ref)

    @property
    def number(self) -> int:
        """Its number."""
        return self.detail.summary.ref.number

    @property
    def digest(self) -> str:
        """The digest of its files."""
        return str(self.detail.summary.digest)

    @property
    def stage(self) -> str:
        """Where it is in the lifecycle."""
        return self.detail.summary.stage

    @property
    def status(self) -> str:
        """`active`, or what was decided about it."""
        return self.detail.summary.status.value

    @property
    def licence(self) -> str:
        """Its licence, as an SPDX expression."""
        return self.detail.summary.licence

    @property
    def metrics(self) -> Mapping[str, float]:
        """What the step that made it measured on its test role."""
        return self.detail.summary.metrics

    def parents(self) -> Sequence[Version]:
        """The versions that it was made from."""
        return tuple(Version(self.verbs.catalog.version(Reference.to(one)), self.verbs) for one in self.detail.parents)

    def lineage(self, *, up: int = -1, down: int = 0) -> Lineage:
        """Its ancestors, and with `down` its descendants, so many generations far; -1 for all."""
        return Lineage(self.verbs.lineage.show(self.ref, up=up, down=down))

    def impact(self, *, as_of: datetime | None = None) -> ImpactSummary:
        """How many versions a recall of it would touch, by effect, role, stage, owner and team.

        With `as_of`, by the lineage on record then.
        """
        return self.verbs.lineage.impact(self.ref, as_of=as_of)

    def affected(self, *, ways: bool = False, as_of: datetime | None = None) -> Iterator[Affected]:
        """Every version that a recall of it would touch, nearest first; with `ways`, each with a shortest way there."""
        return self.verbs.lineage.every_affected(self.ref, ways=ways, as_of=as_of)

    def pull(self, folder: str | Path) -> Path:
        """Write its files, its card and the code that loads it into a new folder.

        Raises: ConflictError when the folder is not empty, RefusedError for a version that is recalled or suspended.
        """
        exact, reading = Reference.to(self.detail.summary.ref), reading_through(self.verbs)
        if reading is None:
            return self.verbs.catalog.pull(exact, Path(folder)).folder
        reading.pull_model(exact, Path(folder))
        return Path(folder)

    def load(self) -> Any:
        """The model, loaded by the library that its architecture names, from files that are kept in a cache by digest.

        `transformers:` and `timm:` models are loaded by those libraries; of any other, the tensors are given as NumPy
        arrays by name. No code of the registry is run. Raises: MissingExtraError, RefusedError.
        """
        exact = Reference.to(self.detail.summary.ref)
        self.verbs.catalog.pull_plan(exact)  # a version that was recalled since is refused, though its files are here
        folder = kept(self.detail.summary.digest, self.pull)
        if (block := reading_through(self.verbs)) is not None:
            block.again(self.detail.summary.ref, self.detail.files)
        library, _, kind = self.detail.architecture.partition(":")
        if kind and library == "transformers":
            return _by_transformers(folder)
        if kind and library == "timm":
            return imported("timm").create_model(f"local-dir:{folder}", pretrained=True)
        reading = imported("safetensors.numpy")
        tensors: dict[str, Any] = {}
        for path in sorted(folder.rglob("*.safetensors")):
            tensors |= reading.load_file(path)
        return tensors

    def request(self, to_stage: str, *, comment: str = "") -> Promotion:
        """Request that it is promoted to a stage. Raises: PolicyRefusedError with every reason."""
        from forebear.work import Promotion  # noqa: PLC0415 - each of the two makes objects of the other

        detail = self.verbs.promotions.request(Reference.to(self.detail.summary.ref), to_stage, comment=comment)
        return Promotion(detail, self.verbs)

    def __repr__(self) -> str:
        return f"Version({self.ref!r})"

    def _repr_html_(self) -> str:
        said = self.detail.summary
        facts = {
            "stage": self.stage, "status": self.status, "licence": self.licence,
            "architecture": self.detail.architecture, "aliases": said.aliases,
            "metrics": self.metrics, "parents": self.detail.parents, "digest": self.digest,
        }  # fmt: skip
        return shown(self.ref, facts)


@dataclass(frozen=True, slots=True)
class Lineage:
    """A part of the graph around one thing. `ancestry` holds its nodes and edges."""

    ancestry: Ancestry

    @property
    def models(self) -> Sequence[str]:
        """Every model version in it, as `team/name/3`."""
        return tuple(node.label for node in self.ancestry.nodes if node.kind is NodeKind.MODEL)

    @property
    def datasets(self) -> Sequence[str]:
        """Every dataset version in it."""
        return tuple(node.label for node in self.ancestry.nodes if node.kind is NodeKind.DATASET)

    def mermaid(self) -> str:
        """The graph in the language of Mermaid."""
        return as_mermaid(Graph(self.ancestry.nodes, self.ancestry.edges), self.ancestry.focus)

    def __repr__(self) -> str:
        return f"Lineage({len(self.ancestry.nodes)} nodes, {len(self.ancestry.edges)} edges)"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.mermaid())}</pre>"


def _by_transformers(folder: Path) -> Any:
    library = imported("transformers")
    named = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("architectures") or ["AutoModel"]
    return getattr(library, str(named[0]), library.AutoModel).from_pretrained(folder)
