"""The command line: `forebear`. It parses, calls one verb, prints.

Nothing heavy is imported before a command runs, so `--help` and completion answer at once.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command line (None: the process's own, as this process's only work) and exit with its code."""
    import sys

    words = tuple(sys.argv[1:] if arguments is None else arguments)
    if arguments is not None:
        sys.exit(_code(words))
    import gc

    # The garbage collector takes a quarter of a short command's time: it searches what was just imported, again and
    # again, and once more at exit. With this threshold long commands still collect; at exit there is nothing to free.
    gc.set_threshold(200_000)
    try:
        code = _code(words)
    finally:
        gc.freeze()
    sys.exit(code)


def _code(words: tuple[str, ...]) -> int:
    from registry.cli.app import app
    from registry.cli.failures import answering_usage
    from registry.cli.streams import ready_streams

    with ready_streams(), answering_usage(words):
        # Not standalone: Typer would write what was typed wrongly in a form and with a code of its own.
        code: int = app(list(words), prog_name="forebear", obj=words, standalone_mode=False)
        return code
