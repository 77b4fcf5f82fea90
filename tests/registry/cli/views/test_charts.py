"""Learning curves in a terminal: within its width, told apart with and without colour, and never a crash."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from registry.cli.views.charts import draw
from registry.domain.transfers.steps import EpochMetric
from registry.presenting.curves import Best

points = st.builds(
    EpochMetric,
    epoch=st.integers(0, 500),
    step=st.integers(0, 10_000),
    name=st.sampled_from(["loss", "accuracy"]),
    role=st.sampled_from(["train", "validation", "test"]),
    value=st.floats(),
)
CURVE = [
    EpochMetric(epoch, epoch, "loss", role, start / epoch)
    for epoch in range(1, 9)
    for role, start in (("train", 2.0), ("validation", 4.0))
]


class Page(io.StringIO):
    """A file of some encoding."""

    encoding = "utf-8"


class AsciiPage(Page):
    encoding = "ascii"


def drawn(curve: list[EpochMetric], page: Page, *, width: int = 60, best: Best | None = None, **how: object) -> str:
    draw(Console(file=page, width=width, **how), curve, best)  # type: ignore[arg-type]
    return page.getvalue()


@given(st.lists(points, max_size=30), st.integers(10, 200), st.booleans())
def test_no_line_is_wider_than_the_terminal_and_no_curve_breaks_it(
    curve: list[EpochMetric], width: int, colour: bool
) -> None:
    shown = drawn(curve, Page(), width=width, force_terminal=colour, no_color=not colour)
    plates = [line for line in shown.splitlines() if any(sign in line for sign in "┤│└")]
    assert all(len(Text.from_ansi(line).plain) <= max(width, 24) for line in plates)


def test_lines_are_told_apart_by_their_signs_where_there_is_no_colour() -> None:
    shown = drawn(CURVE, Page(), best=Best(8, "loss", "validation", 0.5))
    assert "\x1b" not in shown
    title, *plate, epochs, best = shown.splitlines()
    assert title == "loss   • train 0.25   × validation 0.5"
    assert len(plate) == 9
    assert plate[0].startswith(" 4 ┤×")
    assert epochs.split() == [*"12345678", "epoch"]
    assert best == "Best epoch: 8, with validation loss 0.5"
    assert any("•" in line for line in plate)


def test_where_there_is_colour_lines_are_drawn_in_dots() -> None:
    shown = drawn(CURVE, Page(), force_terminal=True, color_system="standard")
    assert any("\u2800" < character <= "\u28ff" for character in shown)
    assert "×" not in shown
    assert "\x1b[" not in drawn(CURVE, Page(), force_terminal=True, no_color=True).replace("\x1b[1m", "").replace(
        "\x1b[2m", ""
    ).replace("\x1b[0m", "")


def test_a_terminal_that_has_only_ascii_gets_only_ascii() -> None:
    shown = drawn(CURVE, AsciiPage())
    assert shown.isascii()
    assert "loss   * train 0.25   x validation 0.5" in shown


def test_one_epoch_is_no_curve() -> None:
    assert drawn(CURVE[:2], Page(), best=Best(1)) == ""
    assert drawn([], Page()) == ""
