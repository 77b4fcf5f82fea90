"""Downloads are counted in memory and written together: a read never waits for the writer's place.

The server writes them each minute and when it ends, a command when it ends. What a process that is killed has not
written yet is lost: a minute's reads at most. When the disk is full, reading goes on, and the counts wait.
"""

from __future__ import annotations

import logging

from registry.domain.catalog.downloads import Download
from registry.domain.names import VersionRef
from registry.errors import RegistryError
from registry.services.context import Context

AT_ONCE = 1000
"""Downloads of one transaction: a statement takes no more than some ten thousand values."""
_log = logging.getLogger("forebear.downloads")


def note(context: Context, ref: VersionRef) -> None:
    """The actor reads something of a version."""
    now, actor = context.clock.now(), context.actor
    context.unwritten.add(Download(actor.handle, actor.token or "", ref, now, now, 1))


def write_downloads(context: Context) -> None:
    """Write what was counted; where that fails it is logged, and tried again with the next."""
    waiting = context.unwritten.take()
    while waiting:
        part, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        try:
            with context.open_uow(actor=context.actor.handle, write=True) as uow:
                uow.recalls.add_downloads(part)
                uow.commit_unaudited()
        except RegistryError as error:
            _log.warning("%d downloads could not be written yet: %s", len(part) + len(waiting), error)
            for one in (*part, *waiting):
                context.unwritten.add(one)
            return
