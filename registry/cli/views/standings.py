"""A ranking while it goes on: a table that grows and is sorted anew on a terminal, a line for each event elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live

    from registry.domain.selection.standings import Standings

_SHOWN = 12
"""Candidates of the table, so that it fits a terminal; the others are counted."""


class LiveRanking:
    """On standard error, so that a pipe stays clean. It is gone when the ranking has ended, which is then printed.

    `quiet` shows nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live: Live | None = None
        self._said = ""
        self._standings: Standings | None = None

    def __enter__(self) -> Self:
        from registry.cli.printing import errors

        if not self._quiet and errors().is_terminal:
            from rich.live import Live

            self._live = Live(self._drawn(), console=errors(), transient=True, refresh_per_second=8)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, said: str) -> None:
        """What happens now."""
        from registry.cli.printing import hint

        self._said = said
        if self._live is not None:
            self._live.update(self._drawn())
        elif not self._quiet:
            hint(said)

    def show(self, standings: Standings) -> None:
        """The candidates so far."""
        self._standings = standings
        if self._live is not None:
            self._live.update(self._drawn())

    def _drawn(self) -> RenderableType:
        from rich.console import Group
        from rich.spinner import Spinner
        from rich.text import Text

        below = Spinner("line", Text(self._said or "Starting", style="dim"))
        return below if self._standings is None else Group(drawn(self._standings), below)


def drawn(standings: Standings) -> RenderableType:
    """The table of the candidates so far: those that were scored in their order, then those that wait."""
    from rich.table import Table
    from rich.text import Text

    from registry.domain.selection.report import UNITS
    from registry.presenting.formats import counted

    title = Text(f"{standings.done} of {counted(standings.total, 'model')} scored so far", style="bold")
    found = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    found.add_column("#", justify="right", no_wrap=True)
    found.add_column("Model", no_wrap=True)
    unit = UNITS[standings.labels]
    found.add_column(unit[0].upper() + unit[1:], no_wrap=True)
    rows: list[tuple[RenderableType, ...]] = []
    for place, one in enumerate(standings.scored, start=1):
        score = f"{one.score.value:.3f} [{one.score.low:.3f}, {one.score.high:.3f}]"
        style = "dim" if one.flag else ""
        rows.append((Text(str(place), style=style), Text(one.ref.label, style=style), Text(score, style=style)))
    for place, ref in enumerate(standings.waiting):
        rows.append((Text(""), Text(ref.label, style="dim"), Text("" if place else "reads your rows", style="dim")))
    rows += [(Text(""), Text(one.ref.label, style="dim"), Text("left out", style="dim")) for one in standings.left_out]
    for row in rows[:_SHOWN]:
        found.add_row(*row)
    if len(rows) > _SHOWN:
        found.add_row("", Text(f"and {len(rows) - _SHOWN} more", style="dim"), "")
    return found
