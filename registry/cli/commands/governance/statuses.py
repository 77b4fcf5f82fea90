"""The five commands that set the status of a version, the same for models and datasets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.errors import UsageError

VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version, as models:/team/name/3 or datasets:/team/name/1.")
]
ReasonArgument = Annotated[
    str | None, typer.Argument(metavar="[REASON]", help="The reason, shown to everyone who uses the version.")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="The same reason, given as an option.", show_default=False)
]
_COMMANDS = {
    "deprecate": ("'use version 3'", "Mark a version as one that should no longer be used. It can still be used."),
    "archive": (
        "'kept for the record'",
        "Archive a version: it stays in the registry and in the lineage, but no new version can be made from it.",
    ),
    "suspend": (
        "'under investigation'",
        "Stop a version for now: nobody can pull it, use it in a transfer or promote it.\n\nAdmins may do so, and "
        "roles that a policy names.",
    ),
    "recall": (
        "'trained on data without consent'",
        "Take a version back for good: as suspend, and gates that ask for an ancestry without recalls refuse what was "
        "made from it.",
    ),
    "restore": ("'investigated, nothing found'", "Make a version active again, whatever its status was."),
}
"""Verb -> the reason of its example, and its help."""
_EXAMPLES = {"model": "models:/vision/digits/2", "dataset": "datasets:/data/digits/1"}


def add_status_commands(app: typer.Typer, word: str) -> None:
    """Add `deprecate`, `archive`, `suspend`, `recall` and `restore` to the group `word`: `model` or `dataset`."""
    for verb, (example, text) in _COMMANDS.items():
        command(app, verb, f"forebear {word} {verb} {_EXAMPLES[word]} {example}")(_setter(word, verb, text))


def _setter(word: str, verb: str, text: str) -> Callable[..., None]:
    def run(
        session: Session, version: VersionArgument, why: ReasonArgument = None, reason: ReasonOption = None
    ) -> None:
        from registry.cli.views.catalog import say_status
        from registry.domain.catalog.statuses import VERBS
        from registry.domain.names import Reference

        given = parsing.either(why, reason, option="--reason")
        if given is None:
            raise UsageError("A reason is needed", remedy="Write it after the reference, or with --reason")
        registry = session.registry
        if word == "model":
            ref = registry.catalog.set_status(parsing.model(version), VERBS[verb], given)
            session.answer(registry.catalog.version(Reference.to(ref)), say_status)
        else:
            ref = registry.catalog.set_status(parsing.dataset(version), VERBS[verb], given)
            session.answer(registry.datasets.version(Reference.to(ref)), say_status)

    run.__doc__ = text
    return run
