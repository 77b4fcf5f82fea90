"""Opens a registry: a server by its address or name, or a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from forebear.registry import Registry
from registry.client.choosing import Remote, choose
from registry.settings import Settings


def connect(where: str | Path | None = None, *, token: str | None = None, actor: str | None = None) -> Registry:
    """The registry at `where`: the address of a server, the name that `forebear login` gave it, or a registry folder.

    Without `where`, the one that the command `forebear` would use here. `token` is for a server (else FOREBEAR_TOKEN,
    or the one that `forebear login` keeps), `actor` for a folder. Raises: UsageError, UnauthenticatedError without a
    token, HomeNotFoundError where there is no registry in the folder.
    """
    settings = Settings.from_environment()
    remote = _meant(settings, where)
    if remote is not None:
        return Registry(remote.connect(settings, token))
    from registry import bootstrap  # noqa: PLC0415 - a folder needs a database library, and a server does not

    if actor is not None:
        settings = replace(settings, actor=actor)
    home = Path(where) if where is not None else settings.find_home(Path.cwd())
    return Registry(bootstrap.open(home, settings=settings))


def _meant(settings: Settings, where: str | Path | None) -> Remote | None:
    if where is None:
        return choose(settings, None, None)
    text = str(where)
    if isinstance(where, Path) or not (text.startswith(("http://", "https://")) or not Path(text).exists()):
        return None
    return choose(settings, text, None)
