"""What every command is given: the registry folder, who acts, how to answer. A verb opens the registry."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from registry.cli import tree
from registry.errors import NotRemoteError, RegistryError, UsageError
from registry.settings import Settings

if TYPE_CHECKING:
    from registry.client.choosing import Remote
    from registry.domain.paging import Page
    from registry.domain.verbs.registry import Registry

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., None])


class Output(StrEnum):
    """How a command answers."""

    TABLE = "table"
    JSON = "json"


URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+")
_PANEL = "Global options"
HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home",
        help="The registry folder. Default: FOREBEAR_HOME, or .forebear here or in a parent, or ~/.forebear.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        help="Use the registry of this server: an address, or a name of forebear remote list. Default: FOREBEAR_URL.",
        metavar="URL",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help="The person who acts. Default: FOREBEAR_ACTOR, or your user name.",
        metavar="PERSON",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]
OutputOption = Annotated[
    Output | None,
    typer.Option(
        "--output",
        "-o",
        help="Tables for people, or JSON for programs. Default: table.",
        show_default=False,
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True)
class Session:
    """One command line: where the registry is, who acts, how to answer, and the words that were typed.

    `server` is the server that the command uses; None: a registry folder on the own disk.
    """

    settings: Settings
    output: Output
    words: tuple[str, ...]
    server: Remote | None = None

    @property
    def home(self) -> Path:
        """The folder of the registry. Raises: NotRemoteError where the command uses a server."""
        self.refuse_remote(implied=True)
        return self.settings.find_home(Path.cwd())

    def refuse_remote(self, *, implied: bool = False) -> None:
        """Raises: NotRemoteError if a server was named, or with `implied` also if one is used because of a login."""
        if self.server is not None and (implied or self.server.named):
            raise NotRemoteError(
                f"This command works on a registry folder, and {self.server.url} is a server",
                remedy="Run it on the machine of the registry folder, with --home FOLDER",
            )

    @property
    def as_json(self) -> bool:
        """True when the answer is JSON and nothing else."""
        return self.output is Output.JSON

    @cached_property
    def registry(self) -> Registry:
        """The registry, opened for whoever acts, or connected to with the token of the server.

        Raises: HomeNotFoundError, OldDatabaseError, NewDatabaseError; UnauthenticatedError without a token.
        """
        if self.server is not None:
            connected = self.server.connect(self.settings)
            if not self.as_json and sys.stderr.isatty():
                from registry.cli.views.progress import Transferred

                connected.watch = Transferred()
            return connected
        from registry import bootstrap

        return bootstrap.open(self.home, settings=self.settings)

    def close(self) -> None:
        """Close the connection to the server, if one was made."""
        connected = self.__dict__.get("registry")
        if self.server is not None and connected is not None:
            self._stop_showing()
            connected.close()

    def _stop_showing(self) -> None:
        """Take from the terminal how many bytes were transferred."""
        shown = getattr(self.__dict__.get("registry"), "watch", None)
        if shown is not None:
            shown.close()

    def answer(self, value: T, show: Callable[[T], None]) -> None:
        """Give the value of a verb: as JSON, or as `show` prints it for people."""
        if self.as_json:
            self.write_json(value)
        else:
            self._stop_showing()
            show(value)

    def write_json(self, value: object) -> None:
        """Write the JSON of a verb's value to standard output, indented when a person is looking."""
        sys.stdout.write(_json(value, indent=2 if sys.stdout.isatty() else None) + "\n")

    def write_line(self, value: object) -> None:
        """Write the JSON of a value as one line, at once: what streams can be read while it comes."""
        sys.stdout.write(_json(value) + "\n")
        sys.stdout.flush()

    def done(self, sentence: str) -> None:
        """Say that a verb without a value is done; in JSON that is `null`."""
        from registry.cli.printing import tell

        if self.as_json:
            self.write_json(None)
        else:
            self._stop_showing()
            tell(sentence)

    def answer_page(self, page: Page[T], show: Callable[[Sequence[T]], None]) -> None:
        """Give one page of a list; for people, with the command that gives the next one."""
        if self.as_json:
            self.write_json(page)
            return
        show(page.items)
        if page.next_cursor is not None:
            from registry.cli.printing import hint

            hint(f"There is more: {self.again('--cursor', page.next_cursor)}")

    def again(self, option: str, value: str) -> str:
        """The same command line with `option` set to `value`."""
        words = list(self.words)
        for index in range(len(words) - 1, -1, -1):
            if words[index] == option:
                del words[index : index + 2]
            elif words[index].startswith(f"{option}="):
                del words[index]
        return shlex.join(["forebear", *words, option, value])


def _json(value: object, *, indent: int | None = None) -> str:
    """JSON with characters as they are, or escaped where the output's encoding does not have them all."""
    import json

    from registry.cli.streams import is_unicode
    from registry.domain.codec import to_json

    return json.dumps(to_json(value), ensure_ascii=not is_unicode(), indent=indent)


def command(app: typer.Typer, name: str, *examples: str) -> Callable[[Command], Command]:
    """Register a command under `app`. Its first parameter is the session; every command also takes --home, --server,
    --as and --output, shows its examples in --help, and ends with the exit code of the error's family.
    """

    def register(function: Command) -> Command:
        shared = [
            inspect.Parameter(word, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for word, annotation in (
                ("home", HomeOption),
                ("server", ServerOption),
                ("actor", ActorOption),
                ("output", OutputOption),
            )
        ]
        own = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in list(inspect.signature(function, eval_str=True).parameters.values())[1:]
        ]
        context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
        parameters = [context, *own, *shared]

        def run(context: typer.Context, **arguments: Any) -> None:
            given = {word: arguments.pop(word) for word in ("home", "server", "actor", "output")}
            with answering_errors(as_json=_wants_json(context, given["output"])):
                session = _open_session(context, **given)
                try:
                    function(session, **arguments)
                finally:
                    session.close()

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        app.command(name, cls=tree.Command, help=inspect.getdoc(function), epilog=_epilog(examples))(run)
        return function

    return register


class answering_errors:  # noqa: N801 - used as a statement: `with answering_errors():`
    """Turn an error that a person can understand into one sentence (or a problem object) and its exit code."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, RegistryError):
            from registry.cli.failures import show_failure

            show_failure(error, as_json=self.as_json)
            raise typer.Exit(error.family.exit_code) from error


def _wants_json(context: typer.Context, output: Output | None) -> bool:
    return (output or context.find_root().params.get("output")) == Output.JSON


def _open_session(
    context: typer.Context, home: Path | None, server: str | None, actor: str | None, output: Output | None
) -> Session:
    from registry.client.choosing import choose

    root = context.find_root()
    settings = Settings.from_environment()
    home, server = home or root.params.get("home"), server or root.params.get("server")
    actor = actor or root.params.get("actor")
    output = output or root.params.get("output") or Output.TABLE
    remote = choose(settings, server, home)
    if remote is not None and actor is not None:
        raise UsageError(
            f"The token for {remote.url} says who acts, so nobody can act as {actor} there", remedy="Leave --as out"
        )
    if home is not None:
        settings = replace(settings, home=home)
    if actor is not None:
        settings = replace(settings, actor=actor)
    if settings.home is not None and remote is None:
        _check_is_folder(settings.home)
    return Session(settings, Output(output), root.obj or (), remote)


def _check_is_folder(home: Path) -> None:
    """Raises: UsageError when a URL was given for the registry folder, or a file."""
    if URL.match(str(home)):
        raise UsageError(
            f"{URL.sub(_both_slashes, str(home))!r} is a URL, not a registry folder",
            remedy="A server is named with --server URL, or once and for all: forebear login URL",
        )
    if home.is_file():
        raise UsageError(
            f"{str(home)!r} is a file, not a registry folder",
            remedy="Give the folder, or make a new one: forebear --home FOLDER init",
        )


def _both_slashes(found: re.Match[str]) -> str:
    """A path has lost one of them."""
    return f"{found[1]}://"


def _epilog(examples: Sequence[str]) -> str:
    """Blank lines keep Typer from flowing the lines together."""
    word = "Examples:" if len(examples) > 1 else "Example:"
    return "\n\n".join([f"[bold]{word}[/bold]", *(f"  [cyan]{_escape(line)}[/cyan]" for line in examples)])


def _escape(text: str) -> str:
    """What rich's markup would read as a tag is written with a backslash."""
    return text.replace("[", "\\[")
