"""How a command says that it failed: one sentence, what to do, and a stable code; in JSON a problem object."""

from __future__ import annotations

import json
import sys

from registry.errors import RegistryError


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

    reasons = error.facts.get("reasons")
    lines = Text("Error: ", style="bold red")
    if isinstance(reasons, list) and reasons:
        lines.append(error.message.partition(": ")[0], style="not bold default")
        for reason in reasons:
            lines.append(f"\n  • {reason}", style="not bold default")
    else:
        lines.append(error.message, style="not bold default")
    if error.remedy:
        lines.append(f"\n{error.remedy}.", style="not bold default")
    lines.append(f"\n[{error.code}]", style="not bold dim")
    errors().print(lines, soft_wrap=True)
