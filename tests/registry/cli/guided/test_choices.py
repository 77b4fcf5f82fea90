"""The questions of `forebear start`: what they take, and how every answer is taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from registry.cli.guided.asking import Asking, Quit
from registry.cli.guided.choices import Chosen, Guide, Told
from registry.cli.guided.columns import sample_of
from registry.domain.recipes.recipe import Method
from registry.errors import InvalidError, UsageError
from registry.services.context import Context
from registry.services.registry import LocalRegistry
from tests.registry.services.selection.conftest import context  # noqa: F401 - a fixture: the registry of those tests


@dataclass
class Typed:
    """What somebody types, line by line, and the questions that were asked."""

    lines: Iterator[str]
    asked: list[str] = field(default_factory=list)

    def __call__(self, question: str) -> str:
        self.asked.append(question)
        found = next(self.lines, None)
        if found is None:
            raise Quit
        return found


Answer = Callable[..., tuple[Chosen, Typed]]


@pytest.fixture
def answer(context: Context) -> Answer:  # noqa: F811 - the fixture that is imported above
    def answered(*lines: str, **told: object) -> tuple[Chosen, Typed]:
        typed = Typed(iter(lines))
        guide = Guide(LocalRegistry(context), Told(**told), Asking(read=typed))  # type: ignore[arg-type]
        return guide.choose(), typed

    return answered


def test_every_answer_can_be_taken_back(answer: Answer) -> None:
    #        data         look back to data   look model method: back, model again, method  baselines: back, method
    lines = ("data/bare", "b", "data/reviews", "", "2", "b", "1", "2", "b", "1", "n", "b", "y", "")
    chosen, typed = answer(*lines)
    assert str(chosen.data) == "datasets:/data/reviews/1"
    assert chosen.start is not None
    assert chosen.report is not None
    assert chosen.start is chosen.report.starts[0]
    assert (chosen.method, chosen.baselines) == (Method.FEATURE_EXTRACTION, True)
    assert chosen.recipe == chosen.start.recipe
    assert typed.asked[0].startswith("A file, a folder, or a number")


def test_a_method_that_was_chosen_by_hand_stands_in_the_recipe_with_what_was_recommended(answer: Answer) -> None:
    chosen, _ = answer("", "", "fine_tuning", "", "", data="data/reviews")
    first, *lines = chosen.recipe.splitlines()
    assert first.startswith("# fine_tuning was chosen by hand. Recommended was feature_extraction: The smallest class")
    assert "method: fine_tuning" in lines
    assert chosen.start is not None
    assert lines[0] == chosen.start.recipe.splitlines()[1]


def test_data_that_is_neither_a_file_nor_a_dataset_is_asked_for_again(
    answer: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Quit):
        answer("no/such", "data/reviews", "7")
    said = capsys.readouterr()
    assert "'no/such' is neither a file nor a registered dataset" in said.err
    assert "datasets:/data/reviews/1 has 112 rows: odd 12, test 10, train 90." in said.out


def test_without_questions_a_file_needs_a_licence(context: Context, tmp_path: Path) -> None:  # noqa: F811
    file = tmp_path / "Mine (2).csv"
    file.write_text("text,label\na,b\n", encoding="utf-8")
    for data, error, words in ((None, UsageError, "No data is named"), (str(file), InvalidError, "licence")):
        guide = Guide(LocalRegistry(context), Told(data), Asking(defaults=True), quiet=True)
        with pytest.raises(error, match=words):
            guide.choose()


def test_the_columns_of_a_table_are_read_from_its_first_line(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes('\ufeff"body, of it",stars\nx,1\n'.encode())
    assert sample_of(file)[0] == ["body, of it", "stars"]
    assert sample_of(tmp_path / "none.csv") == sample_of(tmp_path) == ((), ())
