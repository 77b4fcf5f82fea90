"""The verb that makes backups. Verifying and restoring one needs no registry: see `registry.bootstrap`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from registry.domain.backups import BackupProgress, BackupReport


class BackupVerbs(Protocol):
    """Backups of the whole registry."""

    def create(
        self, folder: Path, *, signing_key: bool = False, watch: Callable[[BackupProgress], None] | None = None
    ) -> BackupReport:
        """Write the database as it is at one moment, every object that it names, and the signed checkpoints.

        With `signing_key` also the private key that signs them; without, a registry that is restored makes a new one.

        The folder is new, empty, or has an earlier backup of this registry: then only objects that it lacks are copied,
        and the earlier backup stays complete until the new one is. Others may work meanwhile; nothing is collected.
        Raises: PermissionDeniedError for anyone but an admin, AuditBrokenError where the private key is missing,
        ConflictError for a folder with anything else, NoSpaceError.
        """
        ...
