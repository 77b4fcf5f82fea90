"""The command `forebear recommend`: which model to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.errors import UsageError

if TYPE_CHECKING:
    from registry.domain.verbs.lineage import Use


def register(app: typer.Typer) -> None:
    """Put the command at the top of the tree."""
    command(
        app,
        "recommend",
        "forebear recommend datasets:/data/digits/1",
        "forebear recommend data/reviews --use commercial --recipes ./recipes",
        "forebear recommend --backtest",
        "forebear recommend data/digits --model models:/library/lite0/1 --model models:/library/squeezenet/1",
    )(recommend)


def recommend(
    session: Session,
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[DATASET]", help="datasets:/team/name/1, or team/name for short.", show_default=False),
    ] = None,
    split: Annotated[str, typer.Option("--split", help="The split whose rows are read.")] = "train",
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Consider only this model. May be given several times. Default: the newest version of every model.",
            show_default=False,
        ),
    ] = None,
    use: Annotated[
        str | None,
        typer.Option(
            "--use",
            metavar="commercial|derivatives",
            help="Leave out models whose licences do not allow this use of what is made.",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option("--rows", help="Read at most this many rows, drawn evenly over the classes.")
    ] = 2_000,
    seed: Annotated[int, typer.Option("--seed", help="The random seed of that draw.")] = 0,
    output_name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="The name of what the recipes make.", show_default=False),
    ] = None,
    recipes: Annotated[
        Path | None,
        typer.Option("--recipes", help="Write the recipes into this new folder.", show_default=False),
    ] = None,
    backtest: Annotated[
        bool,
        typer.Option(
            "--backtest",
            help="Rank nothing: test kept rankings and priors against the transfers on record.",
        ),
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="Also show the models that were left out, and why.")] = False,
) -> None:
    """Rank the registered models by how well they suit a dataset, and write recipes to start from the best."""
    if backtest:
        _backtest(session, dataset)
        return
    if dataset is None:
        raise UsageError("No dataset is named", remedy="Name one: forebear recommend datasets:/team/name/1")
    from registry.cli.views.selection import show_selection, write_recipes
    from registry.cli.views.standings import LiveRanking
    from registry.domain.verbs.selection import Recommend

    wanted = Recommend(
        parsing.dataset(dataset),
        split=split,
        models=tuple(parsing.model(one) for one in model or ()),
        use=_use(use),
        rows=rows,
        seed=seed,
        output=None if output_name is None else parsing.named(output_name),
    )
    with LiveRanking(quiet=session.as_json) as live:
        report = session.registry.selection.recommend(wanted, watch=live.tell, show=live.show)
    written = write_recipes(report, recipes) if recipes is not None else ()
    session.answer(report, lambda found: show_selection(found, everything=all_, written=written))


def _backtest(session: Session, dataset: str | None) -> None:
    """Raises: UsageError where a dataset is named: a backtest is over all of them."""
    from registry.cli.views.backtest import show_backtest

    if dataset is not None:
        raise UsageError(
            f"--backtest is over all recorded transfers, not over {dataset}", remedy="Leave one of them out"
        )
    session.answer(session.registry.selection.backtest(), show_backtest)


def _use(text: str | None) -> Use | None:
    """What the result is meant for. Raises: UsageError."""
    from registry.domain.verbs.lineage import Use

    if text is None:
        return None
    try:
        return Use(text)
    except ValueError:
        known = ", ".join(use.value for use in Use)
        raise UsageError(f"--use {text[:40]!r} is unknown", remedy=f"Use one of these: {known}") from None
