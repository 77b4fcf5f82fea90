"""The servers that a person has signed in to, and their tokens.

Names and addresses are in `servers.json` under `~/.config/forebear` (`XDG_CONFIG_HOME`). A token is kept in the keyring
of the system where the package `keyring` is installed and finds one, else in `tokens.json` beside it, which only its
owner can read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from registry.errors import IntegrityError, NotFoundError, UsageError
from registry.files import write_whole
from registry.folders import error_of_disk

SERVICE = "forebear"
LOCAL = "local"
"""The word for no server: a registry folder on the own disk."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server, under a short name. `current` is True for the one that commands use where nothing else is said."""

    name: str
    url: str
    handle: str
    allow_http: bool = False
    current: bool = False


@dataclass(frozen=True, slots=True)
class Profiles:
    """The servers in `folder`."""

    folder: Path

    @classmethod
    def of_user(cls, environment: Mapping[str, str] = os.environ) -> Profiles:
        """Those of the user of the operating system."""
        base = environment.get("XDG_CONFIG_HOME")
        return cls((Path(base) if base else Path.home() / ".config") / "forebear")

    def all(self) -> Sequence[Server]:
        """Every server, in the order in which they were added. Raises: IntegrityError for a file that is not ours."""
        try:
            return tuple(Server(**one) for one in self._read("servers.json", []))
        except TypeError as error:
            raise self._damaged("servers.json") from error

    def current(self) -> Server | None:
        """The server that commands use where nothing else is said."""
        return next((one for one in self.all() if one.current), None)

    def find(self, text: str) -> Server | None:
        """The server with this name or address."""
        return next((one for one in self.all() if text.rstrip("/") in {one.name, one.url}), None)

    def add(self, url: str, handle: str, token: str, *, name: str | None = None, allow_http: bool = False) -> Server:
        """Keep a server with its token, and make it the current one; it takes the place of one with its address.

        Raises: UsageError for a name that another server has, NoSpaceError, UnavailableError.
        """
        others = [one for one in self.all() if one.url != url]
        known = self.find(url)
        chosen = name or (known.name if known else urlsplit(url).netloc)
        if chosen == LOCAL or any(one.name == chosen for one in others):
            raise UsageError(f"The name {chosen!r} is taken", remedy="Choose another with --name")
        server = Server(chosen, url, handle, allow_http, current=True)
        self._keep_token(url, token)
        self._write("servers.json", [*(replace(one, current=False) for one in others), server])
        return server

    def use(self, text: str) -> Server | None:
        """Make the server with this name or address the current one; `local` makes none. Raises: NotFoundError."""
        wanted = None if text == LOCAL else self.require(text)
        self._write("servers.json", [replace(one, current=one.name == (wanted and wanted.name)) for one in self.all()])
        return wanted

    def remove(self, text: str) -> Server:
        """Forget a server and its token. Raises: NotFoundError."""
        gone = self.require(text)
        ring = _keyring()
        if ring is not None:
            with suppress(ring.errors.KeyringError):
                ring.delete_password(SERVICE, gone.url)
        tokens = self._tokens()
        if tokens.pop(gone.url, None) is not None:
            self._write_tokens(tokens)
        self._write("servers.json", [one for one in self.all() if one.name != gone.name])
        return gone

    def require(self, text: str) -> Server:
        """The server with this name or address. Raises: NotFoundError."""
        found = self.find(text)
        if found is None:
            raise NotFoundError(f"You are not signed in to {text[:200]!r}", remedy="See: forebear remote list")
        return found

    def token_of(self, url: str) -> str | None:
        """The token for the server at `url`, if one is kept."""
        ring = _keyring()
        if ring is not None:
            with suppress(ring.errors.KeyringError):
                found: str | None = ring.get_password(SERVICE, url)
                if found:
                    return found
        return self._tokens().get(url)

    def place_of_tokens(self) -> str:
        """Where a new token is kept, for people."""
        return "the keyring of your system" if _keyring() is not None else str(self.folder / "tokens.json")

    def _keep_token(self, url: str, token: str) -> None:
        ring = _keyring()
        if ring is not None:
            try:
                ring.set_password(SERVICE, url, token)
            except ring.errors.KeyringError:
                pass  # locked, or refused by its owner: the file is as good
            else:
                return
        self._write_tokens({**self._tokens(), url: token})

    def _tokens(self) -> dict[str, str]:
        path = self.folder / "tokens.json"
        if path.exists() and path.stat().st_mode & 0o077:
            raise IntegrityError(f"Others can read {path}", remedy=f"Run: chmod 600 {path}, and revoke its tokens")
        found = self._read("tokens.json", {})
        if not isinstance(found, dict):
            raise self._damaged("tokens.json")
        return {str(url): str(token) for url, token in found.items()}

    def _write_tokens(self, tokens: Mapping[str, str]) -> None:
        self._save("tokens.json", dict(tokens))

    def _read(self, name: str, empty: Any) -> Any:
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return empty
        except (OSError, ValueError) as error:
            raise self._damaged(name) from error

    def _write(self, name: str, servers: Sequence[Server]) -> None:
        self._save(name, [{key: getattr(one, key) for key in Server.__slots__} for one in servers])

    def _save(self, name: str, content: object) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self.folder / name, json.dumps(content, indent=2).encode(), private=True)
        except OSError as error:
            raise error_of_disk(error, f"{self.folder / name} cannot be written") from error

    def _damaged(self, name: str) -> IntegrityError:
        path = self.folder / name
        return IntegrityError(f"{path} cannot be read", remedy=f"Delete it and sign in again: rm {path}")


def _keyring() -> Any:
    """The package `keyring`, where it is installed and the system has a keyring; else None."""
    try:
        ring: Any = import_module("keyring")
    except ImportError:
        return None
    return ring if getattr(ring.get_keyring(), "priority", 0) >= 1 else None
