"""The one key of a registry: it signs cookies, and the secrets of webhooks are made from it."""

from __future__ import annotations

import secrets
from pathlib import Path

from registry.errors import IntegrityError, UsageError
from registry.files import write_whole
from registry.settings import Settings

_MIN_KEY = 32
"""Characters."""


def registry_key(home: Path, settings: Settings) -> str:
    """The key that signs cookies, and that the secrets of webhooks are made from.

    It is the setting, else the file `secret` in the registry folder, created at first use.
    Replicas of a server share one key, so they are given it by setting. Raises: UsageError for a short key,
    IntegrityError for a file that others can read.
    """
    if settings.secret is not None:
        if len(settings.secret) < _MIN_KEY:
            raise UsageError(f"FOREBEAR_SECRET is shorter than {_MIN_KEY} characters", remedy="Make it long and random")
        return settings.secret
    path = home / "secret"
    if not path.exists():
        write_whole(
            path, secrets.token_urlsafe(48).encode(), private=True, replace=False
        )  # a second process keeps the first one's key
    if path.stat().st_mode & 0o077:
        raise IntegrityError(
            f"Others can read {path}", remedy=f"Run: chmod 600 {path}, then delete it to change the key"
        )
    return path.read_text(encoding="ascii").strip()
