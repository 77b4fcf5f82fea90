"""Versions of another tool's model registry, such as MLflow's: what they are called here, and importing them.

The files come through this process, so they go to a server as well. A version that was imported is found again by its
tags `mlflow.version.N` and `mlflow.run.N`, N being its number there. What somebody has decided there (aliases, stages)
is not taken over: it is decided here, by votes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from registry.cli.collections import Imported, fitted, import_one, refused
from registry.domain.catalog.models import VersionDetail, check_tag, check_tags
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import every
from registry.domain.verbs.catalog import CatalogVerbs, ImportModel
from registry.errors import InvalidError, NotFoundError, RegistryError
from registry.ports.registries import FetchedVersion, ModelRegistry, OtherVersion

BASE = "base_model"
"""The tag that names what a version was made from, beside what its files say."""
_LICENCES = ("license", "licence")
_SCHEME = "models:/"


@dataclass(frozen=True, slots=True)
class Planned:
    """One version of the other registry, with its name here. `why_not`: why it cannot be imported, where known."""

    version: OtherVersion
    name: Name
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where versions are fetched, and what is said of all of them: None is what each says of itself."""

    registry: ModelRegistry
    uri: str
    licence: str | None = None
    task: str | None = None

    def fetch(self, version: OtherVersion, folder: Path) -> FetchedVersion:
        """The files of a version. Raises: see `ModelRegistry.fetch`."""
        return self.registry.fetch(self.uri, version, folder)


def planned(versions: Iterable[OtherVersion], team: str | None) -> Sequence[Planned]:
    """The versions with their names here; of two models with one name, the second is left out.

    Raises: InvalidError for a name without a team while `team` is None.
    """
    taken: dict[str, str] = {}
    found = []
    for one in versions:
        name = _name_of(one.name, team)
        other = taken.setdefault(name.folded, one.name)
        why_not = one.why_not if other == one.name else f"It would have the same name as {other}"
        found.append(Planned(one, name, why_not))
    return found


def import_versions(catalog: CatalogVerbs, source: Source, plan: Sequence[Planned]) -> Iterator[Imported]:
    """Import one after another. What is refused is told, and the others go on; what is here already is said."""
    made: dict[str, VersionRef] = {}
    known: dict[Name, Sequence[VersionDetail]] = {}
    for one in plan:
        outcome = Imported(str(one.version), None, why_not=one.why_not)
        if not one.why_not:
            if one.name not in known:
                known[one.name] = list(_versions(catalog, one.name))
            same = next((there for there in known[one.name] if _is(there, one.version)), None)
            if same is not None:
                outcome = replace(outcome, ref=same.summary.ref, parents=same.parents)
            else:
                outcome = _imported(catalog, source, one, outcome, made)
        if outcome.ref is not None:
            made[str(one.version)] = outcome.ref
        yield outcome


def left_out(version: OtherVersion) -> Sequence[str]:
    """The tags of a version, its description among them, that cannot be tags here."""
    return [key for key, value in {**version.tags, **_description(version)}.items() if not _fits(key, value)]


def _name_of(called: str, team: str | None) -> Name:
    before, dot, after = called.partition(".")
    if team is None and not dot:
        raise InvalidError(f"{called!r} names no team", remedy="Give the team of all: --team library")
    return Name(team, fitted(called)) if team is not None else Name(fitted(before), fitted(after))


def _versions(catalog: CatalogVerbs, name: Name) -> Iterator[VersionDetail]:
    with suppress(NotFoundError):  # a model that is not here has no version
        for one in every(lambda page: catalog.versions(name, page)):
            yield catalog.version(Reference.to(one.ref))


def _marks(version: OtherVersion) -> Mapping[str, str]:
    marks = {f"mlflow.version.{version.version}": version.name, f"mlflow.run.{version.version}": version.run_id}
    return {key: value for key, value in marks.items() if value}


def _is(here: VersionDetail, there: OtherVersion) -> bool:
    return _marks(there).items() <= here.tags.items()


def _imported(
    catalog: CatalogVerbs, source: Source, one: Planned, outcome: Imported, made: Mapping[str, VersionRef]
) -> Imported:
    version = one.version
    tags = {**_tags(version), **_marks(version)}
    with TemporaryDirectory(prefix="forebear-import-") as folder:
        try:
            check_tags(tags)
            found = source.fetch(version, Path(folder))
            bases = _bases(version, found)
            parents = {base: _here(catalog, base, one.name, made) for base in bases}
            here = tuple(dict.fromkeys(ref for ref in parents.values() if ref is not None))
            wanted = ImportModel(
                one.name,
                str(found.source),
                licence=source.licence or next((version.tags[key] for key in _LICENCES if key in version.tags), None),
                task=source.task,
                origin=f"mlflow:{version}",
                description=version.model_description or version.description,
                parents=tuple(Reference.to(ref) for ref in here),
            )
        except RegistryError as error:
            return refused(outcome, error)
        outcome = replace(outcome, parents=here, elsewhere=tuple(base for base in bases if parents[base] is None))
        outcome = import_one(catalog.import_model, wanted, outcome)
    if outcome.ref is not None:
        catalog.tag(Reference.to(outcome.ref), tags)
    return outcome


def _tags(version: OtherVersion) -> Mapping[str, str]:
    return {key: value for key, value in {**version.tags, **_description(version)}.items() if _fits(key, value)}


def _description(version: OtherVersion) -> Mapping[str, str]:
    words = " ".join(version.description.split())
    return {"mlflow.description": words} if words else {}


def _fits(key: str, value: str) -> bool:
    try:
        check_tag(key, value)
    except InvalidError:
        return False
    return True


def _bases(version: OtherVersion, found: FetchedVersion) -> Sequence[str]:
    named = [part.strip() for part in version.tags.get(BASE, "").split(",")]
    return [base for base in dict.fromkeys((*named, *found.bases)) if base]


def _here(catalog: CatalogVerbs, base: str, child: Name, made: Mapping[str, VersionRef]) -> VersionRef | None:
    """The version here that a claim names: one that was imported, one of ours, or a model called like that."""
    told = base.removeprefix(_SCHEME)
    if told in made:
        return made[told]
    parts = told.split("/")
    with suppress(NotFoundError, InvalidError):
        if base.startswith(_SCHEME):
            return catalog.version(Reference.parse(base, kind=AssetKind.MODELS)).summary.ref
        if len(parts) <= 2:
            names = [Name(fitted(parts[0]), fitted(parts[1]))] if len(parts) == 2 else []
            for name in (*names, Name(child.team, fitted(parts[-1]))):
                if name != child and (ref := _latest(catalog, name)) is not None:
                    return ref
    return None


def _latest(catalog: CatalogVerbs, name: Name) -> VersionRef | None:
    try:
        return catalog.version(Reference(AssetKind.MODELS, name)).summary.ref
    except NotFoundError:
        return None
