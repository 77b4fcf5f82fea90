"""The command `forebear worker`: run steps of a server on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli.session import Session, command
from registry.errors import UsageError


def register(app: typer.Typer) -> None:
    """Put the command at the top of the tree."""
    command(
        app,
        "worker",
        "forebear worker --server https://models.example.com",
        "forebear worker --once --cache /scratch/forebear",
    )(worker)


def worker(
    session: Session,
    engine: Annotated[str, typer.Option("--engine", help="What runs the steps here: local.")] = "local",
    once: Annotated[bool, typer.Option("--once", help="Run the steps that wait now, then end.")] = False,
    cache: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="FOLDER",
            help="Where inputs and checkpoints are kept. Default: ~/.cache/forebear.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Run steps on this machine that wait at a server for a worker (transfer run RECIPE --engine remote).

    It needs the token of a service account and the libraries that train, and nothing else of the registry. It takes
    steps that fit: an adapter that is installed here, enough CPU threads, a GPU where one is asked for.
    """
    from registry.cli.printing import tell
    from registry.client.registry import RemoteRegistry
    from registry.working.taking import Worker, able

    if engine != "local":
        raise UsageError(f"A worker runs steps with the engine local, not {engine[:40]!r}", remedy="Leave --engine out")
    registry = session.registry
    if not isinstance(registry, RemoteRegistry):
        raise UsageError(
            "A worker takes its steps from a server, and this is a registry folder",
            remedy="Name the server: forebear worker --server URL",
        )
    has = able(engine)
    folder = cache or _cache()
    tell(f"Adapters: {', '.join(has.adapters) or 'none'}; {has.cpus} CPU threads, {has.gpus or 'no'} GPU; {folder}")
    succeeded = Worker(registry, has, folder.resolve(), tell).serve(once=once)
    session.done(f"Steps that succeeded: {succeeded}.")


def _cache() -> Path:
    import os

    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "forebear"
