"""Logs without credentials: an address that was asked for, or the words of a library, may hold one."""

from __future__ import annotations

import logging

from registry.domain.credentials import without_credentials


class CleanFormatter(logging.Formatter):
    """Formats as another formatter does, and removes credentials from what it gives, tracebacks included."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The line or lines of one record."""
        return without_credentials(self.inner.format(record))


def keep_out_of_logs(*names: str) -> None:
    """From now on, the handlers of the root logger and of those with these names write no credentials."""
    for logger in (logging.getLogger(), *map(logging.getLogger, names)):
        for handler in logger.handlers:
            handler.setFormatter(CleanFormatter(handler.formatter or logging.Formatter()))
