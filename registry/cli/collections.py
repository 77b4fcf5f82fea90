"""A folder of many models, as `hf download` or the cache of the Hub leaves them: what to import, parents first.

What a card calls its `base_model` becomes the declared parent where that model is in the folder too. Everything is a
verb of the registry, so a collection goes to a server as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from registry.domain.catalog.models import VersionDetail
from registry.domain.governance.upstream import COMMIT, cached_repository
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.verbs.catalog import ImportModel
from registry.errors import InvalidError, NotFoundError, RegistryError

CARD, CONFIG = "README.md", "config.json"
MOST = 10_000
"""Models of one folder."""
_UNFIT = re.compile(r"[^a-z0-9]+")
_MAX_CARD = 256 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One model of the folder: what its publisher calls it, its files, and the models that its card says it is from."""

    called: str
    folder: Path
    name: Name | None = None
    bases: tuple[str, ...] = ()
    why_not: str = ""
    """Why it cannot be imported; empty where nothing is known against it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one member. `elsewhere` are bases of its card that are not in the folder, so not recorded."""

    called: str
    ref: VersionRef | None
    parents: tuple[VersionRef, ...] = ()
    elsewhere: tuple[str, ...] = ()
    why_not: str = ""

    def __str__(self) -> str:
        """A line about it: `org/name is models:/library/name/1`."""
        return f"{self.called} is {self.ref}" if self.ref is not None else f"{self.called} was not imported"


def members(folder: Path, team: str | None) -> Sequence[Member]:
    """Every model under `folder`, parents before children. `team` stands for the publisher in the names.

    Raises: NotFoundError for no folder and where no model lies in it; InvalidError for too many, and for a model whose
    publisher is not known while `team` is None.
    """
    if not folder.is_dir():
        raise NotFoundError(f"There is no folder {str(folder)!r}", remedy="Check the path")
    found = dict(sorted(_places(folder)))
    if not found:
        raise NotFoundError(
            f"No model lies in {folder}", remedy=f"A model is a folder with {CARD} or {CONFIG}, two levels down at most"
        )
    if len(found) > MOST:
        raise InvalidError(f"{folder} holds more than {MOST:,} models", remedy="Import a part of it")
    told = [_member(called, place, team) for called, place in found.items()]
    return _in_order(_distinct(told))


def import_each(import_model: Callable[[ImportModel], VersionDetail], found: Iterable[Member]) -> Iterator[Imported]:
    """Import one after another. What is refused is told, and the others go on; what is made from it has no parent."""
    made: dict[str, VersionRef] = {}
    for one in found:
        parents = tuple(made[base.casefold()] for base in one.bases if base.casefold() in made)
        elsewhere = tuple(base for base in one.bases if base.casefold() not in made)
        outcome = Imported(one.called, None, parents, elsewhere, one.why_not)
        if one.name is not None and not one.why_not:
            claimed = tuple(Reference.to(parent) for parent in parents)
            outcome = import_one(import_model, ImportModel(one.name, str(one.folder), parents=claimed), outcome)
            if outcome.ref is not None:
                made[one.called.casefold()] = outcome.ref
        yield outcome


def import_one(
    import_model: Callable[[ImportModel], VersionDetail], wanted: ImportModel, outcome: Imported
) -> Imported:
    """`outcome` with the version that it became, or with the reason why it did not become one."""
    try:
        return replace(outcome, ref=import_model(wanted).summary.ref)
    except RegistryError as error:
        return refused(outcome, error)


def refused(outcome: Imported, error: RegistryError) -> Imported:
    """`outcome` with what an error says."""
    return replace(outcome, why_not=". ".join(filter(None, (error.message, error.remedy))))


def _places(folder: Path) -> Iterator[tuple[str, Path]]:
    """(what it is called, its files) of each model in the folder and in its folders."""
    for inner in sorted(one for one in folder.iterdir() if one.is_dir()):
        if repository := cached_repository(inner.name):
            yield repository, inner
        elif _is_model(inner):
            yield inner.name, inner
        else:
            yield from ((f"{inner.name}/{one.name}", one) for one in sorted(inner.iterdir()) if _is_model(one))


def _is_model(folder: Path) -> bool:
    return (folder / CARD).is_file() or (folder / CONFIG).is_file()


def _member(called: str, place: Path, team: str | None) -> Member:
    publisher, _, name = called.rpartition("/")
    if not (publisher or team):
        raise InvalidError(f"Nobody says who published {called}", remedy="Give the team of all: --team library")
    try:
        folder = _snapshot(place) if cached_repository(place.name) else place
        named = Name(team or fitted(publisher), fitted(name))
        return Member(called, folder, named, tuple(_bases(folder / CARD)))
    except RegistryError as error:
        return Member(called, place, why_not=error.message)


def _snapshot(repository: Path) -> Path:
    """The files of the commit that `main` names in the cache of the Hub. Raises: NotFoundError, InvalidError."""
    there = sorted(one for one in (repository / "snapshots").glob("*") if COMMIT.fullmatch(one.name))
    main = repository / "refs" / "main"
    wanted = main.read_text("utf-8").strip() if main.is_file() else ""
    chosen = [one for one in there if one.name == wanted] or there
    if not chosen:
        raise NotFoundError("The cache holds no files of it")
    if len(chosen) > 1:
        raise InvalidError("The cache holds several commits of it, and none of them is its main")
    return chosen[0]


def _bases(card: Path) -> Iterator[str]:
    """The names under `base_model` in the front matter of a card. Raises: InvalidError where it is not YAML."""
    import yaml

    if not card.is_file():
        return
    with card.open("rb") as opened:
        text = opened.read(_MAX_CARD).decode("utf-8", "replace").replace("\r\n", "\n")
    if not text.startswith("---\n"):
        return
    try:
        front = yaml.load(text[4:].partition("\n---")[0], yaml.BaseLoader)  # noqa: S506 - makes nothing but texts
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidError("The front matter of its card is not YAML") from error
    base = front.get("base_model") if isinstance(front, Mapping) else None
    for one in base if isinstance(base, list) else [base]:
        if isinstance(one, str) and one:
            yield one


def fitted(text: str) -> str:
    """`text` in the letters of our names: `all-MiniLM-L6-v2` is `all-minilm-l6-v2`. Raises: InvalidError."""
    made = _UNFIT.sub("-", text.lower()).strip("-")
    if not made:
        raise InvalidError(f"{text[:80]!r} has no letter or digit that a name can have")
    return made


def _distinct(found: Iterable[Member]) -> Iterator[Member]:
    """The members, without a name for those whose name another one has."""
    taken: dict[str, str] = {}
    for one in found:
        other = taken.setdefault(one.name.folded, one.called) if one.name is not None else one.called
        yield one if other == one.called else replace(one, why_not=f"It would have the same name as {other}")


def _in_order(found: Iterable[Member]) -> Sequence[Member]:
    """Parents first. In a circle of claims, none is the parent of the next."""
    by_name = {one.called.casefold(): one for one in found}
    while True:
        wanted = {key: {base.casefold() for base in one.bases} & by_name.keys() for key, one in by_name.items()}
        try:
            return [by_name[key] for key in TopologicalSorter(wanted).static_order()]
        except CycleError as error:
            for key in error.args[1]:
                circle = "Its card and those of its base models name one another"
                by_name[key] = replace(by_name[key], bases=(), why_not=by_name[key].why_not or circle)
