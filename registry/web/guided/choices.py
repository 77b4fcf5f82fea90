"""What has been chosen, as the address of the page holds it: going back is going to an earlier address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from registry.domain.recipes.recipe import Method
from registry.domain.selection.report import SelectionReport, Start
from registry.errors import NotFoundError
from registry.web.render import link

YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices in their order; those that are not made yet are empty. `start` counts the recipes from 1."""

    data: str = ""
    ranking: str = ""
    start: int = 0
    method: str = ""
    baselines: str = ""
    step: str = ""

    @property
    def address(self) -> str:
        """The page for these choices."""
        return link("/start", {name: value for name, value in asdict(self).items() if value})

    def with_data(self, data: str) -> Choices:
        """Other data, and nothing after it."""
        return Choices(data)

    def with_ranking(self, ranking: str) -> Choices:
        """A ranking for the data, and nothing after it."""
        return Choices(self.data, ranking)

    def with_start(self, start: int) -> Choices:
        """The model to start from, and nothing after it."""
        return Choices(self.data, self.ranking, start)

    def with_method(self, method: str) -> Choices:
        """How, and nothing after it."""
        return replace(self.with_start(self.start), method=method)

    def with_baselines(self, baselines: str) -> Choices:
        """With or without baselines, and nothing after it."""
        return replace(self.with_method(self.method), baselines=baselines)

    def with_step(self, step: str) -> Choices:
        """The run of what was chosen."""
        return replace(self, step=step)


@dataclass(frozen=True, slots=True)
class Stage:
    """One question: where to answer it again (empty before it is reached), and whether it is asked now."""

    title: str
    address: str
    now: bool


def stages(chosen: Choices) -> Sequence[Stage]:
    """The way as a whole."""
    way = (
        ("Data", Choices(), True),
        ("A look", chosen.with_data(chosen.data), bool(chosen.data)),
        ("Model", chosen.with_ranking(chosen.ranking), bool(chosen.ranking)),
        ("Method", chosen.with_start(chosen.start), bool(chosen.start)),
        ("Baselines", chosen.with_method(chosen.method), bool(chosen.method)),
        ("Recipe", chosen.with_baselines(chosen.baselines), bool(chosen.baselines)),
        ("Result", chosen, bool(chosen.step)),
    )
    last = max(place for place, (_, _, reached) in enumerate(way) if reached)
    return [Stage(title, at.address if ok else "", place == last) for place, (title, at, ok) in enumerate(way)]


def start_of(report: SelectionReport, chosen: Choices) -> Start:
    """The model and recipe that were chosen from the report. Raises: NotFoundError."""
    if not 1 <= chosen.start <= len(report.starts):
        raise NotFoundError(f"{report.id} has no recipe number {chosen.start}", remedy="Choose a model of the ranking")
    return report.starts[chosen.start - 1]


def recipe_of(report: SelectionReport, chosen: Choices) -> str:
    """All that is run. Raises: NotFoundError for a method that is none."""
    if chosen.method not in {one.value for one in Method}:
        raise NotFoundError(f"There is no method {chosen.method[:40]!r}", remedy="Choose a method of the page")
    return start_of(report, chosen).by(Method(chosen.method))
