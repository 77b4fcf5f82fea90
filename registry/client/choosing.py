"""Which registry is meant where several could be: a server or a folder, named or not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry.client.transport.profiles import Profiles
from registry.errors import UnauthenticatedError, UsageError
from registry.settings import Settings, near_home

if TYPE_CHECKING:
    from registry.client.registry import RemoteRegistry


@dataclass(frozen=True, slots=True)
class Remote:
    """The server that is used. `named` is False where it is used because the person has signed in to it."""

    url: str
    allow_http: bool
    named: bool

    def connect(self, settings: Settings, token: str | None = None) -> RemoteRegistry:
        """Its registry, with the token that is given or kept. Raises: UnauthenticatedError, UsageError."""
        secret = token or settings.token or Profiles.of_user().token_of(self.url)
        if secret is None:
            raise UnauthenticatedError(
                f"You are not signed in to {self.url}", remedy=f"Sign in with a token: forebear login {self.url}"
            )
        from registry.client.registry import connect  # noqa: PLC0415 - a choice alone needs no values of the domain

        return connect(self.url, token=secret, allow_http=self.allow_http or settings.allow_http)


def named_server(text: str) -> Remote | None:
    """The server that `text` names: an address, or the name that `forebear login` gave it. None for anything else."""
    known = Profiles.of_user().find(text)
    if known is not None:
        return Remote(known.url, known.allow_http, named=True)
    return Remote(text, False, named=True) if text.startswith(("http://", "https://")) else None


def choose(settings: Settings, server: str | None, home: Path | None) -> Remote | None:
    """The server to use, or None for a registry folder.

    What is named goes first, then the settings, then a folder `.forebear` here or in a parent, then the current server
    of `forebear login`. Raises: UsageError where both a server and a folder are named.
    """
    if home is not None and server is None:
        return None
    named = server or settings.url
    folder = home or (settings.home if server is None else None)
    if named is not None and folder is not None:
        options = "--home and --server" if server else "FOREBEAR_HOME and FOREBEAR_URL"
        raise UsageError(f"{options} name two registries: {folder} and {named}", remedy="Leave one of them out")
    profiles = Profiles.of_user()
    if named is not None:
        known = profiles.find(named)
        return Remote(known.url if known else named, known is not None and known.allow_http, named=True)
    if settings.home is not None or near_home(Path.cwd()) is not None:
        return None
    current = profiles.current()
    return None if current is None else Remote(current.url, current.allow_http, named=False)
