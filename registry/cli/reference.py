"""Writes `docs/cli.md` from the tree of commands and `docs/errors.md` from the tree of errors.

`python -m registry.cli.reference docs` does it; a test says when it must be done again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import typer
from rich.text import Text

import registry.errors
from registry.cli.app import app
from registry.errors import Family, RegistryError

WORDS = {"str": "TEXT", "int": "NUMBER", "int range": "NUMBER", "path": "PATH"}
SHARED = {"--home", "--server", "--as", "--output", "--help"}
OPENING = """\
# Commands

This page is written by `python -m registry.cli.reference docs`; a test keeps it true.

Every command takes these options, before or after its name:

| option | means |
|---|---|
| `--home FOLDER` | the registry folder; default: `FOREBEAR_HOME`, `.forebear` here or in a parent, or `~/.forebear` |
| `--server URL` | use a server: its address or its name in `forebear remote list`; default: `FOREBEAR_URL` |
| `--as PERSON` | the person who acts; default: `FOREBEAR_ACTOR`, or your user name |
| `--output table` or `json` | tables for people, or only JSON on standard output, for programs |

References are `models:/team/name/3`, `models:/team/name@production`, `datasets:/team/name/1`; without a number or an
alias they mean the latest version. Where a model or a dataset is expected, `models:/` or `datasets:/` may be left out.
Lists are paged: `--limit` says how many, and a list that goes on prints the command for its next page.
On a server the token of `forebear login` says who acts. A registry folder that `--home` or `FOREBEAR_HOME` names, or
a `.forebear` here or in a parent, goes before the server that you signed in to.
`forebear --install-completion` lets your shell complete commands and options.

## Exit codes

A command that fails writes what happened, what to do and a stable error code to standard error (with
`--output json` as a problem object of RFC 9457). Its exit code is that of the error's family.
[errors.md](errors.md) lists all errors.

| exit code | family of errors |
|---|---|
| 0 | done |
"""

ERRORS = """\
# Errors

This page is written by `python -m registry.cli.reference docs`; a test keeps it true.

Every error has a message, usually a remedy, and a code whose meaning never changes. A command exits with the exit code
below. The HTTP API answers with the status below and a problem body (RFC 9457) that carries `code`, the message,
`remedy` and `facts`, such as every reason of a refusal. An operation that fails leaves nothing behind: no version, no
file and no half-written row.

| code | exit | HTTP | means |
|---|---|---|---|"""


def reference() -> str:
    """The whole page."""
    families = [f"| {family.exit_code} | {family.name.lower().replace('_', ' ')} |" for family in Family]
    lines = [OPENING + "\n".join(families), "| 130 | stopped with Ctrl-C |"]
    for path, command in commands():
        lines += _section(path, command)
    return "\n".join(lines) + "\n"


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that can be run, as its words and Typer's object, in the order of `--help`."""
    root = typer.main.get_command(app)
    stack = [("forebear", root)]
    while stack:
        path, command = stack.pop(0)
        below = getattr(command, "commands", None)
        if below is None:
            yield path, command
        else:
            stack[:0] = [(f"{path} {name}", inner) for name, inner in below.items()]


def examples(command: Any) -> list[str]:
    """The example lines of a command's `--help`."""
    return [line.strip() for line in Text.from_markup(command.epilog or "").plain.split("\n\n")[1:]]


def _section(path: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not SHARED & set(p.opts)]
    usage = " ".join([path, *(_argument(p) for p in arguments), *(["[OPTIONS]"] if options else [])])
    yield from ("", f"## `{path}`", "", command.help, "", f"    {usage}", "")
    if arguments or options:
        yield from ("| | means |", "|---|---|")
        for parameter in arguments:
            yield f"| `{_argument(parameter)}` | {_cell(parameter)} |"
        for parameter in options:
            yield f"| `{_option(parameter)}` | {_cell(parameter)} |"
        yield ""
    yield from ("```sh", *examples(command), "```")


def _argument(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _option(parameter: Any) -> str:
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    if parameter.is_flag:
        return names
    context = typer.Context(typer.main.get_command(app))
    kind = parameter.display_type(context).strip("<>")
    shown = parameter.metavar or WORDS.get(kind, kind)
    return f"{names} {shown}".replace("|", "\\|")


def _cell(parameter: Any) -> str:
    words = [parameter.help] if parameter.help else []
    if parameter.required and parameter.param_type_name == "option":
        words.append("Required.")
    shown = parameter.show_default is not False and parameter.default not in {None, False, ""}
    if shown and parameter.param_type_name == "option":
        words.append(f"Default: {parameter.default}.")
    return " ".join(words).replace("|", "\\|")


def errors() -> str:
    """The page of every error code."""
    lines = [ERRORS]
    for kind in sorted(kinds_of_error(), key=lambda kind: (kind.family.exit_code, kind.code)):
        meaning = " ".join((kind.__doc__ or "").split())
        lines.append(f"| `{kind.code}` | {kind.family.exit_code} | {kind.family.status} | {meaning} |")
    return "\n".join(lines) + "\n"


def kinds_of_error() -> list[type[RegistryError]]:
    """Every class of `registry.errors`: they are all there, and a test says so."""
    return [kind for kind in vars(registry.errors).values() if _is_error(kind)]


def _is_error(kind: object) -> TypeGuard[type[RegistryError]]:
    return isinstance(kind, type) and issubclass(kind, RegistryError)


def write(folder: Path) -> None:
    """Write both pages into `folder`."""
    (folder / "cli.md").write_text(reference(), encoding="utf-8")
    (folder / "errors.md").write_text(errors(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
