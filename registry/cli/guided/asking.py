"""Questions in a terminal, and the two answers that are good everywhere: `b` goes back, `q` ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

BACK, QUIT = "b", "q"


class GoBack(Exception):  # noqa: N818 - an answer, not an error
    """The person wants to answer the question before this one again."""


class Quit(Exception):  # noqa: N818 - an answer, not an error
    """The person wants to end, or there are no more answers."""


def typed(question: str) -> str:
    """What somebody types after `question`, without the line's end. Raises: Quit at the end of the input."""
    from rich.text import Text

    from registry.cli.printing import errors

    errors().print(Text(question, style="bold"), end=" ")
    line = sys.stdin.readline()
    if not line:
        raise Quit
    return line.strip()


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks, or with `defaults` takes what would be taken by pressing Enter. `read` gives one line for a question."""

    defaults: bool = False
    read: Callable[[str], str] = typed

    def text(self, question: str, default: str = "") -> str:
        """A line; empty only where there is no default. Raises: GoBack, Quit."""
        if self.defaults:
            return default
        found = self.read(f"{question} [{default}]:" if default else f"{question}:") or default
        if found.lower() == BACK:
            raise GoBack
        if found.lower() == QUIT:
            raise Quit
        return found

    def one_of(self, question: str, choices: Sequence[str], default: int = 0) -> int:
        """The place of one of `choices`, which were listed with numbers from 1. Raises: GoBack, Quit."""
        while True:
            found = self.text(f"{question} (1 to {len(choices)}, b: back, q: quit)", str(default + 1))
            if found.isdecimal() and 1 <= int(found) <= len(choices):
                return int(found) - 1
            if found in choices:
                return choices.index(found)
            self._again(found, f"1 to {len(choices)}, b or q")

    def yes(self, question: str, *, default: bool) -> bool:
        """Yes or no. Raises: GoBack, Quit."""
        words: Mapping[str, bool] = {"y": True, "yes": True, "n": False, "no": False}
        while True:
            found = self.text(f"{question} (y or n, b: back, q: quit)", "y" if default else "n").lower()
            if found in words:
                return words[found]
            self._again(found, "y, n, b or q")

    def go_on(self) -> None:
        """Wait for Enter. Raises: GoBack, Quit."""
        self.text("Press Enter to go on (b: back, q: quit)")

    @staticmethod
    def _again(found: str, wanted: str) -> None:
        from registry.cli.failures import note

        note(f"{found[:40]!r} is not an answer here. Type {wanted}")
