"""Commands for recalls: to take something back with everything that was made from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from registry.cli import parsing
from registry.cli.session import Session, command
from registry.domain.governance.recalls import Disposition, Level, NewDisposition, NewRecall, ReasonClass, RecallState
from registry.domain.names import Reference
from registry.errors import UsageError

app = typer.Typer(
    name="recall", help="Recalls: take something back with everything that was made from it.", no_args_is_help=True
)
TargetArgument = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="models:/team/name/3, datasets:/team/name/1, a model or dataset without a number (all its versions), "
        "the digest of a file or version (sha256:…), a step (step-…), licence:ID, or a token (tok-…: all that was "
        "published with it).",
    ),
]
LevelOption = Annotated[
    Level,
    typer.Option(
        "--level",
        help="advisory: tell and give tasks. quarantine: suspend. recall: take back for good.",
        show_default=False,
    ),
]
OutputsOption = Annotated[
    bool,
    typer.Option(
        "--outputs-advisory", help="Do not withhold what learnt only from answers of a tainted model: it gets a task."
    ),
]
RecallArgument = Annotated[
    str, typer.Argument(metavar="RECALL", help="The id of the recall, for example rec-01k…", show_default=False)
]
VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="A version, as models:/team/name/3 or datasets:/team/name/1.")
]


@command(app, "preview", "forebear recall preview datasets:/vision/digits/1 --level recall")
def preview(session: Session, target: TargetArgument, level: LevelOption, outputs: OutputsOption = False) -> None:
    """Show what a recall would reach, by how each version was made from the target. Nothing is changed."""
    from registry.cli.views.governance.recalls import show_impact

    wish = NewRecall(target, level, "", outputs_advisory=outputs)
    session.answer(session.registry.recalls.preview(wish), show_impact)


@command(
    app,
    "open",
    "forebear recall open datasets:/vision/digits/1 --level recall --class privacy --reason 'trained without consent'",
    "forebear recall open tok-01kaq0… --level quarantine --class key-compromise --reason 'the token was stolen'",
)
def open_(
    session: Session,
    target: TargetArgument,
    level: LevelOption,
    reason: Annotated[
        str, typer.Option("--reason", help="Why, shown to everyone who uses a version.", show_default=False)
    ],
    reason_class: Annotated[
        ReasonClass, typer.Option("--class", help="The kind of reason. For legal and privacy the API answers 451.")
    ] = ReasonClass.QUALITY,
    outputs: OutputsOption = False,
) -> None:
    """Take it back: from now on nobody reads its files, nor those of what is tainted, except the role forensics.

    Admins may do so, and roles that a policy names for suspending versions.
    """
    from registry.cli.views.governance.recalls import show_recall

    wish = NewRecall(target, level, reason, reason_class, outputs)
    session.answer(session.registry.recalls.open(wish), show_recall)


@command(
    app,
    "advisory",
    "forebear recall advisory advisory.json",
    "forebear recall advisory --weights poisoned.safetensors",
)
def advisory(
    session: Session,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A CSAF 2.0 or OSV document, or lines with SHA-256 digests (- reads standard input).",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="FILE",
            help="The weights that it is about: a safetensors file, or a folder of them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Find the versions with a file or tensor that an advisory names by its SHA-256 digest. Nothing is recalled.

    With --weights, also those that hold the same tensors or are kin to them, as forebear lineage identify finds them.
    Each hit comes with the command that previews a recall of it.
    """
    from registry.cli.views.governance.recalls import show_match
    from registry.domain.governance.advisories import Advisory, AdvisoryMatch

    if file is None and weights is None:
        raise UsageError("Nothing to look for is given", remedy="Give an advisory, or --weights FILE, or both")
    found = AdvisoryMatch(Advisory("", "weights", ()), ())
    if file is not None:
        found = session.registry.recalls.advisory(parsing.document(file))
    if weights is not None:
        found = session.registry.lineage.identify(weights).added_to(found)
    session.answer(found, show_match)


@command(app, "list", "forebear recall list --state open")
def list_(
    session: Session,
    state: Annotated[
        RecallState | None, typer.Option("--state", help="Only recalls in this state.", show_default=False)
    ] = None,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List recalls, newest first."""
    from registry.cli.views.governance.recalls import show_recalls

    page = session.registry.recalls.list(state=state, page=parsing.paged(limit, cursor))
    session.answer_page(page, show_recalls)


@command(app, "show", "forebear recall show rec-01kaq0…")
def show(session: Session, recall: RecallArgument) -> None:
    """Show one recall: what was taken back, why, and how many descendants still need a disposition."""
    from registry.cli.views.governance.recalls import show_recall

    session.answer(session.registry.recalls.show(recall), show_recall)


@command(app, "downloads", "forebear recall downloads rec-01kaq0…")
def downloads(
    session: Session, recall: RecallArgument, limit: parsing.LimitOption = 50, cursor: parsing.CursorOption = None
) -> None:
    """Show who read files of what was taken back, with which token, on which day. Only for who may open recalls."""
    from registry.cli.views.governance.recalls import show_downloads

    session.answer_page(session.registry.recalls.downloads(recall, page=parsing.paged(limit, cursor)), show_downloads)


@command(app, "tasks", "forebear recall tasks rec-01kaq0… --unsettled")
def tasks(
    session: Session,
    recall: RecallArgument,
    unsettled: Annotated[
        bool, typer.Option("--unsettled", help="Only those that still need a disposition.", show_default=False)
    ] = False,
    limit: parsing.LimitOption = 50,
    cursor: parsing.CursorOption = None,
) -> None:
    """List the descendants of what was taken back, with what becomes of each."""
    from registry.cli.views.governance.recalls import show_tasks

    page = session.registry.recalls.tasks(recall, unsettled=unsettled, page=parsing.paged(limit, cursor))
    session.answer_page(page, show_tasks)


@command(
    app,
    "dispose",
    "forebear recall dispose rec-01kaq0… models:/vision/digits/2 replace --with models:/vision/digits/5 -m 'clean'",
    "forebear recall dispose rec-01kaq0… models:/vision/digits/2 accept --until 2027-01-31 -m 'until the retrain'",
)
def dispose(
    session: Session,
    recall: RecallArgument,
    version: VersionArgument,
    kind: Annotated[Disposition, typer.Argument(metavar="DISPOSITION", help="What becomes of it.")],
    comment: Annotated[str, typer.Option("--comment", "-m", help="What was decided, and why.", show_default=False)],
    replacement: Annotated[
        str | None,
        typer.Option("--with", metavar="VERSION", help="For retrain and replace: the other one.", show_default=False),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DAY", help="For accept: the last day, as YYYY-MM-DD.", show_default=False),
    ] = None,
) -> None:
    """Say what becomes of a descendant: retrain, replace, accept, retire or dispute.

    To accept the risk until a day, or to dispute that it is affected, takes a second person: forebear recall confirm.
    """
    from registry.cli.views.governance.recalls import show_task

    wish = NewDisposition(kind, comment, Reference.parse(replacement) if replacement else None, until)
    session.answer(session.registry.recalls.dispose(recall, Reference.parse(version), wish), show_task)


@command(app, "confirm", "forebear --as ben recall confirm rec-01kaq0… models:/vision/digits/2")
def confirm(session: Session, recall: RecallArgument, version: VersionArgument) -> None:
    """Confirm that a risk is accepted, or that a dispute is right: neither who proposed it nor who made the version."""
    from registry.cli.views.governance.recalls import show_task

    session.answer(session.registry.recalls.confirm(recall, Reference.parse(version)), show_task)


@command(app, "reverse", "forebear recall reverse rec-01kaq0… --reason 'the consent was found'")
def reverse(
    session: Session,
    recall: RecallArgument,
    reason: Annotated[str, typer.Option("--reason", help="Why it is reversed.", show_default=False)],
) -> None:
    """Give each version its earlier status again, except those that were changed since."""
    from registry.cli.views.governance.recalls import show_reversal

    session.answer(session.registry.recalls.reverse(recall, reason=reason), show_reversal)
