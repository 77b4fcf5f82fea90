"""How a command says that it failed: one sentence, what to do, and a stable code; in JSON a problem object."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import typer
from typer.exceptions import TyperException

from registry.errors import RegistryError, UsageError


def problem(error: RegistryError) -> dict[str, object]:
    """The same members as the problem body of the HTTP API (RFC 9457): `code`, `remedy` and `facts` are extensions."""
    sentence = " ".join((type(error).__doc__ or "").split("\n\n")[0].replace("`", " ").split())
    return {
        "type": f"urn:forebear:error:{error.code}",
        "title": sentence,
        "status": error.family.status,
        "detail": error.message,
        "code": error.code,
        "facts": error.facts,
        "remedy": error.remedy,
    }


def show_failure(error: RegistryError, *, as_json: bool) -> None:
    """Write `error` to standard error."""
    if as_json:
        sys.stderr.write(json.dumps(problem(error), ensure_ascii=False, default=str) + "\n")
        return
    from rich.text import Text

    from registry.cli.printing import errors

    reasons, problems = error.facts.get("reasons"), error.facts.get("problems")
    lines = Text("Error: ", style="bold red")
    if isinstance(reasons, list) and reasons:
        lines.append(error.message.partition(": ")[0], style="not bold default")
    elif isinstance(problems, list) and len(problems) > 1:
        lines.append(f"{len(problems)} things are wrong", style="not bold default")
        reasons = problems
    if isinstance(reasons, list) and reasons:
        for reason in reasons:
            lines.append(f"\n  • {reason}", style="not bold default")
    else:
        lines.append(error.message, style="not bold default")
    if error.remedy:
        lines.append(f"\n{error.remedy}.", style="not bold default")
    lines.append(f"\n[{error.code}]", style="not bold dim")
    errors().print(lines, soft_wrap=True)


def note(text: str) -> None:
    """Write something to be known to standard error: nothing failed."""
    from rich.text import Text

    from registry.cli.printing import errors

    errors().print(
        Text("Note: ", style="bold yellow").append(
            text if text.endswith("?") else f"{text}.", style="not bold default"
        ),
        soft_wrap=True,
    )


@contextmanager
def answering_usage(words: Sequence[str]) -> Iterator[None]:
    """Print a usage error in the same form as other errors, and exit with the code of its family."""
    try:
        yield
    except typer.Abort:
        sys.stderr.write("Stopped: nothing was done.\n")
        sys.exit(1)
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # a group alone: its help is the answer
            typer.echo(error, err=True)
        else:
            show_failure(_typed_wrongly(error), as_json=_asks_for_json(words))
        sys.exit(UsageError.family.exit_code)


def _typed_wrongly(error: Any) -> UsageError:
    sentence = " ".join(error.format_message().split()).removesuffix(".").replace(": Value error, ", ": ")
    context = getattr(error, "ctx", None)
    return UsageError(sentence, remedy=f"See {context.command_path} --help" if context is not None else "")


def _asks_for_json(words: Sequence[str]) -> bool:
    """True if the arguments request JSON, so that errors in parsing them are printed as JSON too."""
    return any(pair in {("--output", "json"), ("-o", "json")} for pair in pairwise(words)) or any(
        word in {"--output=json", "-ojson"} for word in words
    )
