"""Whether anything has changed of what a token is good for, told by one look at the rows that say so."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from threading import Lock

from lineage import Digest

_ROWS = """
SELECT token.*, person.*,
  (SELECT json_group_array(role_grant.role) FROM role_grant
    WHERE role_grant.person_id = person.id AND role_grant.revoked_at IS NULL),
  (SELECT json_group_array(json_array(team.folded, team_member.level)) FROM team
    LEFT JOIN team_member ON team_member.team = team.folded AND team_member.person_id = person.id
    WHERE team.closed)
FROM token JOIN person ON person.id = token.person_id WHERE token.secret_hash = ?
"""
"""All that is read to find out who asks with a token: itself, its person, their roles, and the closed teams."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a token stands on in the database."""

    rows: tuple[object, ...]
    version: int = field(compare=False)
    """SQLite's own count of changes to the whole database, just before (`PRAGMA data_version`)."""


class Standings:
    """Reads them from a SQLite file, by a connection that never changes anything itself."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def read(self, secret_hash: Digest, before: object = None) -> Standing | None:
        """That of the token now; `before` itself, where no process has changed anything since; None if unknown."""
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = sqlite3.connect(self._file, timeout=0, check_same_thread=False)
                version: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
                if isinstance(before, Standing) and before.version == version:
                    return before
                rows = self._connection.execute(_ROWS, (bytes.fromhex(secret_hash.hex),)).fetchall()
        except sqlite3.Error:
            return None
        return Standing(tuple(rows), version)

    def close(self) -> None:
        """Release the connection; `read` opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
