"""The command line: `forebear`. It parses, calls one verb, prints.

Nothing heavy is imported before a command runs, so `--help` and completion answer at once.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line (None: the process's own) and exit with its code."""
    import sys

    from registry.cli.app import app
    from registry.cli.failures import answering_usage
    from registry.cli.streams import ready_streams

    words = tuple(sys.argv[1:] if arguments is None else arguments)
    with ready_streams(), answering_usage(words):
        # Not standalone: Typer would write what was typed wrongly in a form and with a code of its own.
        code = app(list(words), prog_name="forebear", obj=words, standalone_mode=False)
    sys.exit(code)
