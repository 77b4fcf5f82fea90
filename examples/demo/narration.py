"""Output of the demo: chapters, commands as they would be typed, and claims that must hold."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from registry.cli import main


class Narrator:
    """Prints the chapters and counts the claims."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, emoji=False, width=None if sys.stdout.isatty() else 110)
        self.claims: list[tuple[str, bool]] = []

    @property
    def all_hold(self) -> bool:
        """True when there were claims and every one of them held."""
        return bool(self.claims) and all(holds for _, holds in self.claims)

    def chapter(self, number: int, title: str, text: str) -> None:
        """Open a chapter."""
        self.console.print(
            Panel(Text(text), title=f"[bold]{number}. {title}[/]", title_align="left", border_style="cyan")
        )

    def say(self, text: str) -> None:
        """Say something in between."""
        self.console.print(Text(text))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show numbers side by side."""
        shown = Table(header_style="bold", border_style="dim")
        for position, column in enumerate(columns):
            shown.add_column(column, justify="left" if position == 0 else "right")
        for row in rows:
            shown.add_row(*(Text(cell) for cell in row))
        self.console.print(shown)

    def claim(self, sentence: str, holds: bool) -> None:
        """State something that must be so; the demo fails when it is not."""
        self.claims.append((sentence, holds))
        mark = Text("✓ ", style="bold green") if holds else Text("✗ ", style="bold red")
        self.console.print(mark + Text(sentence, style="" if holds else "bold red"))

    def run(self, *words: str) -> None:
        """Type a command and show what it says. Raises: SystemExit when it fails."""
        self._type(words)
        code = _call(words)
        if code != 0:
            raise SystemExit(code)

    def ask(self, *words: str, show: bool = False) -> Any:
        """What a command answers, as JSON; it is typed visibly with `show`. Raises: SystemExit when it fails."""
        if show:
            self._type(words)
        with redirect_stdout(io.StringIO()) as out:
            code = _call((*words, "--output", "json"))
        if code != 0:
            raise SystemExit(code)
        return json.loads(out.getvalue())

    def refusal(self, *words: str) -> dict[str, Any]:
        """Type a command that must fail, show its reasons, and give its problem object (empty if it did not fail)."""
        self._type(words)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
            code = _call((*words, "--output", "json"))
        problem: dict[str, Any] = json.loads(err.getvalue()) if code else {}
        reasons = problem.get("facts", {}).get("reasons") or [problem.get("detail", "it was not refused")]
        self.console.print(Text(f"refused: {problem.get('code')}, exit code {code}", style="red"))
        for reason in reasons:
            self.console.print(Text(f"  • {reason}"))
        return problem

    def finish(self, home: Path, token: str, *, seconds: float) -> None:
        """The summary: which claims hold, and how to look at the result."""
        broken = [sentence for sentence, holds in self.claims if not holds]
        lines = [f"{len(self.claims) - len(broken)} of {len(self.claims)} claims hold, {seconds:.0f} s in all."]
        lines += [f"This does not hold: {sentence}" for sentence in broken]
        lines += [
            "",
            f"Look at it:  make serve HOME_DIR={home}" if str(home) != "demo-home" else "Look at it:  make serve",
            "             http://127.0.0.1:8765",
            f"Sign in as ana with  {token}",
            f"Or type:     . .venv/bin/activate; export FOREBEAR_HOME={home} FOREBEAR_ACTOR=ana",
            "             forebear model list",
        ]
        style = "red" if broken else "green"
        self.console.print()
        self.console.print(
            Panel(Text("\n".join(lines)), title="[bold]The end[/]", title_align="left", border_style=style)
        )

    def _type(self, words: Sequence[str]) -> None:
        self.console.print(Text(f"\n$ forebear {shlex.join(words)}", style="bold cyan"), soft_wrap=True)


def _call(words: Sequence[str]) -> int:
    """Run a command line in this process and give its exit code."""
    try:
        main(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    return 0
