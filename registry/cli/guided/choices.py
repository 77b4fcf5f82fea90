"""What has been chosen so far, and the questions in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli import parsing
from registry.cli.guided.asking import Asking, GoBack
from registry.cli.guided.columns import sample_of
from registry.domain.names import Reference
from registry.domain.paging import PageRequest
from registry.errors import InvalidError, RegistryError, UsageError
from registry.presenting.starting import guessed, methods_for, slug
from registry.sources import PACKAGE

if TYPE_CHECKING:
    from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail
    from registry.domain.recipes.recipe import Method
    from registry.domain.selection.report import SelectionReport, Start
    from registry.domain.verbs.data import AddDataset
    from registry.domain.verbs.registry import Registry

MOST_DATASETS = 9
"""Registered datasets that are offered by number."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the command line says already. `data` is a path or a reference."""

    data: str | None = None
    name: str | None = None
    licence: str | None = None
    text: str = "text"
    label: str = "label"
    baselines: bool = True


@dataclass(frozen=True, slots=True)
class Chosen:
    """What was chosen so far: what comes later is None until it is asked."""

    data: Reference | None = None
    report: SelectionReport | None = None
    start: Start | None = None
    method: Method | None = None
    baselines: bool | None = None

    @property
    def recipe(self) -> str:
        """All that is run."""
        assert self.start is not None  # noqa: S101 -- for the type checker: asked for once a start is chosen
        return self.start.recipe if self.method is None else self.start.by(self.method)


@dataclass(frozen=True, slots=True)
class Guide:
    """Asks the questions. `quiet` prints nothing for people."""

    registry: Registry
    told: Told
    ask: Asking
    quiet: bool = False
    rankings: dict[str, SelectionReport] = field(default_factory=dict)
    """By dataset: going back and on again ranks nothing anew."""
    answered: set[str] = field(default_factory=set)
    """What the command line says, once it was taken: who goes back is asked."""

    def choose(self) -> Chosen:
        """The answers to all questions, in their order. Raises: Quit, RegistryError."""
        questions: tuple[Callable[[Chosen], Chosen], ...] = (
            self.data,
            self.look,
            self.model,
            self.method,
            self.baselines,
            self.recipe,
        )
        answers = [Chosen()]
        while len(answers) <= len(questions):
            try:
                answers.append(questions[len(answers) - 1](answers[-1]))
            except GoBack:
                answers = answers[: max(len(answers) - 1, 1)]
        return answers[-1]

    def data(self, chosen: Chosen) -> Chosen:
        """A registered dataset, or a file or folder that is registered now."""
        if self.told.data is not None and "data" not in self.answered:
            self.answered.add("data")
            return replace(chosen, data=self._data(self.told.data))
        if self.ask.defaults:
            raise UsageError("No data is named", remedy="Name it: forebear start reviews.csv --yes")
        self.heading("1. Which data?")
        newest = self.registry.datasets.search("", PageRequest(MOST_DATASETS)).items
        found = [one for one in newest if one.version is not None]
        self.show(lambda: _list_datasets(found))
        while True:
            typed = self.ask.text("A file, a folder, or a number from this list (q: quit)")
            if typed.isdecimal() and 1 <= int(typed) <= len(found):
                typed = str(found[int(typed) - 1].name)
            if not typed:
                continue
            try:
                return replace(chosen, data=self._data(typed))
            except RegistryError as error:
                from registry.cli.failures import show_failure

                show_failure(error, as_json=False)

    def look(self, chosen: Chosen) -> Chosen:
        """What the data looks like."""
        from registry.cli.guided.looks import show_look

        assert chosen.data is not None  # noqa: S101 -- for the type checker, here and below: asked in this order
        data = chosen.data
        self.heading("2. What it looks like")
        self.show(lambda: show_look(self.registry.datasets.look(data)))
        self.ask.go_on()
        return chosen

    def model(self, chosen: Chosen) -> Chosen:
        """The model to start from, after every model was scored on the data."""
        from registry.cli.views.selection import show_selection

        self.heading("3. Which model to start from")
        report = self._ranking(chosen)
        self.show(lambda: show_selection(report, everything=False, written=(), recipe=False))
        starts = [one.model.label for one in report.starts]
        if not starts:
            raise InvalidError(report.conclusion, remedy="Import another model: forebear model import team/name PATH")
        place = self.ask.one_of(f"Start from {', '.join(_numbered(starts))}?", starts)
        return replace(chosen, report=report, start=report.starts[place])

    def method(self, chosen: Chosen) -> Chosen:
        """How to start from it."""
        assert chosen.start is not None  # noqa: S101
        start = chosen.start
        self.heading("4. How")
        self.tell(f"Recommended: {start.method}. {start.reason}")
        self.tell(f"Source: {start.source}")
        methods = methods_for(self.registry, start)
        place = self.ask.one_of(f"Method: {', '.join(_numbered([one.value for one in methods]))}?", methods)
        return replace(chosen, method=methods[place])

    def baselines(self, chosen: Chosen) -> Chosen:
        """Whether to compare it with what needs no transfer."""
        self.heading("5. Baselines")
        self.tell("With baselines the run also trains from scratch and a linear probe, and gives a verdict")
        self.tell("Without, it is quicker, and nothing says whether the transfer was worth it")
        return replace(chosen, baselines=self.ask.yes("Compare with baselines?", default=self.told.baselines))

    def recipe(self, chosen: Chosen) -> Chosen:
        """All that is run, before it is."""
        self.heading("6. The recipe: this is all that is run")
        self.show(lambda: _print(chosen.recipe))
        self.ask.go_on()
        return chosen

    def heading(self, text: str) -> None:
        """The name of a question."""
        from registry.cli.printing import heading

        self.show(lambda: heading(text))

    def tell(self, sentence: str) -> None:
        """One sentence for people."""
        from registry.cli.printing import tell

        self.show(lambda: tell(sentence))

    def show(self, print_: Callable[[], None]) -> None:
        """Print for people, where people read."""
        if not self.quiet:
            print_()

    def _data(self, text: str) -> Reference:
        """Raises: RegistryError for what is neither data nor a dataset."""
        if text.startswith(PACKAGE) or Path(text).exists():
            found = self.registry.datasets.add(self._wanted(text))
        else:
            try:
                found = self.registry.datasets.version(parsing.dataset(text))
            except RegistryError as error:
                raise UsageError(
                    f"{text[:80]!r} is neither a file nor a registered dataset: {error.message}",
                    remedy="Give the path of a file or folder, or the name of one of forebear dataset list",
                ) from error
        self.show(lambda: _noted(found))
        return Reference.to(found.summary.ref)

    def _wanted(self, text: str) -> AddDataset:
        from registry.domain.verbs.data import AddDataset

        suggested = f"data/{slug(Path(text).stem)}"
        name = parsing.named(self.told.name or self.ask.text("Name of the dataset", suggested))
        texts, labels = self._columns(Path(text))
        licence = self.told.licence or self.ask.text("Its licence (SPDX, for example cc-by-4.0)") or None
        return AddDataset(
            name,
            parsing.source(text),
            licence=licence,
            label_column=labels,
            text_column=texts,
        )

    def _columns(self, path: Path) -> tuple[str, str]:
        """The columns of texts and labels in a CSV file: asked for where the file has none of the usual name."""
        texts, labels = self.told.text, self.told.label
        heads, rows = sample_of(path)
        if self.ask.defaults or not heads or {texts, labels} <= set(heads):
            return texts, labels
        self.tell(f"{path.name} has the columns {', '.join(_numbered(heads))}")
        usual = [heads.index(one) if one else 0 for one in guessed(heads, rows)]
        if texts not in heads:
            texts = heads[self.ask.one_of("The column of texts", heads, default=usual[0])]
        if labels not in heads:
            labels = heads[self.ask.one_of("The column of labels", heads, default=usual[1])]
        return texts, labels

    def _ranking(self, chosen: Chosen) -> SelectionReport:
        from registry.cli.views.standings import LiveRanking
        from registry.domain.verbs.selection import Recommend

        assert chosen.data is not None  # noqa: S101
        key = str(chosen.data)
        if key not in self.rankings:
            with LiveRanking(quiet=self.quiet) as live:
                found = self.registry.selection.recommend(Recommend(chosen.data), watch=live.tell, show=live.show)
            self.rankings[key] = found
        return self.rankings[key]


def _numbered(names: Sequence[str]) -> list[str]:
    return [f"{place} {name}" for place, name in enumerate(names, start=1)]


def _list_datasets(found: Sequence[DatasetSummary]) -> None:
    from registry.cli.printing import table
    from registry.domain.data.labels import label_summary
    from registry.presenting.formats import number

    shown = [
        (place, one.name, number(one.version.rows), label_summary(one.version))
        for place, one in enumerate(found, start=1)
        if one.version is not None
    ]
    table((">#", "Dataset", ">Rows", "Labels"), shown, empty="There are no datasets yet: give a file or a folder.")


def _noted(found: DatasetVersionDetail) -> None:
    """What was noticed when it was read."""
    from registry.cli.failures import note
    from registry.presenting.formats import sentence

    for one in found.notes:
        note(sentence(one))


def _print(recipe: str) -> None:
    from rich.text import Text

    from registry.cli.printing import say

    say(Text(recipe.rstrip()))
