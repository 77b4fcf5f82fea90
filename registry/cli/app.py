"""The tree of commands; `docs/cli.md` is written from it. The module of a group is imported when it is used."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from registry.cli.commands import recommend, registry, remote, start, worker
from registry.cli.commands.drafts import register
from registry.cli.commands.governance import reports
from registry.cli.session import ActorOption, HomeOption, OutputOption, ServerOption
from registry.cli.tree import Group, lazy_group

GROUPS = (
    ("model", "Registered models and their versions.", "model_upkeep", "app"),
    ("draft", "Drafts: files sent with the tools of the Hugging Face Hub.", "drafts.draft", "app"),
    ("dataset", "Datasets and their versions.", "dataset", "app"),
    ("recipe", "Recipes: what a transfer does.", "recipe", "app"),
    ("transfer", "Transfer steps: runs that make new models from registered ones.", "transfer", "app"),
    ("lineage", "The ancestors and descendants of a model or dataset.", "governance.correction", "app"),
    ("drift", "Whether the data has moved away from a model version.", "drift", "app"),
    ("cascade", "What to make again when a parent has a new version.", "cascade", "app"),
    ("evidence", "Evidence about a model version: reports that a policy asks for.", "governance.evidence", "app"),
    ("promote", "Requests to promote a model version to a stage, and the votes on them.", "governance.promote", "app"),
    ("mark", "Marks: what holds for a version and for all that is made from it.", "governance.marks", "app"),
    ("finding", "Findings: what has to be put right about a version, and by when.", "governance.finding", "app"),
    ("waiver", "Waivers: a version is excepted from one gate of the policy, for a time.", "governance.waiver", "app"),
    ("recall", "Recalls: take something back with everything that was made from it.", "governance.recall", "app"),
    ("upstream", "Upstream: the repositories that versions were imported from.", "governance.upstream", "app"),
    ("emergency", "Promotions without votes in an emergency, and their reviews.", "governance.emergency", "app"),
    ("attestation", "Approvals that last for a time, and what ends them early.", "governance.attestation", "app"),
    ("policy", "Policies: what a promotion needs.", "governance.policy", "app"),
    ("person", "People and service accounts.", "people", "person"),
    ("team", "Teams: who sees what is registered under a name.", "teams.team", "app"),
    ("role", "What people may do, and whose votes count.", "people", "role"),
    ("token", "Tokens to sign in to the server with.", "people", "token"),
    ("password", "Your password, where the registry has passwords.", "password", "app"),
    ("webhook", "Webhooks: what other programs are sent when something happens.", "webhook", "app"),
    ("mail", "E-mail: who is told where of what waits for them.", "mail", "app"),
    ("store", "The stored files of all versions: verify, repair and free them.", "store", "app"),
    ("backup", "Backups of the whole registry: make, verify and restore them.", "backup", "app"),
    ("remote", "The servers that you have signed in to.", "remote", "app"),
    ("audit", "The log of every change, protected by a chain of hashes.", "audit", "app"),
)
"""Name, help, module of `registry.cli.commands` and the group's variable in it (`model_upkeep` extends `model`,
`lineage_impact`, `lineage_leakage` and `correction` extend `lineage`)."""


class Root(Group):
    """`forebear` itself, with its groups."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, summary, module, attribute in GROUPS:
            self.add_command(lazy_group(name, summary, f"registry.cli.commands.{module}", attribute))


app = typer.Typer(
    name="forebear",
    cls=Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from registry import __version__

        typer.echo(f"forebear {__version__}")
        raise typer.Exit


@app.callback(
    epilog="How to write a reference: models:/team/name/3, models:/team/name@production or datasets:/team/name/1."
)
def forebear(
    *,
    home: HomeOption = None,
    server: ServerOption = None,
    actor: ActorOption = None,
    output: OutputOption = None,
    version: Annotated[
        bool, typer.Option("--version", help="Show version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """A governed model registry with lineage, for transfer learning.

    Global options may be written before or after a command.
    """


registry.register(app)
remote.register(app)
start.register(app)
recommend.register(app)
register.register(app)
worker.register(app)
reports.register(app)
