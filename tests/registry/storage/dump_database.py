"""Prints the SQL dump of a small registry at the present revision: see old/README.md."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from pathlib import Path

from registry.domain.data.datasets import LabelKind
from registry.domain.people.people import Person
from registry.storage.database import default_url, open_database
from tests.builders import NOW, add_dataset_version, add_version, event, metric
from tests.fakes.clock import FakeClock


def dump() -> str:
    """Every statement that makes the database again."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with open_database(default_url(home)) as database:
            database.create_or_upgrade()
            with database.factory(FakeClock())(actor="ana", write=True) as uow:
                uow.people.add(Person("ana", "Ana Li", ("admin",), NOW))
                data = add_dataset_version(uow, "vision/scans")
                add_dataset_version(uow, "text/ratings", labels=LabelKind.NUMBER)
                base = add_version(uow, "vision/base", licence="MIT")
                ref = add_version(
                    uow, "vision/digits", parents=[base], data={"train": data, "test": data}, measured=[metric(0.93)]
                )
                uow.catalog.add_card(ref, "# Digits", by="ana", at=NOW)
                uow.catalog.set_alias("champion", ref, protected=False, by="ana", at=NOW)
                uow.commit(event(str(base), "version.published"), event(str(ref), "version.published"))
        raw = sqlite3.connect(home / "registry.db")
        lines = "\n".join(raw.iterdump())
        raw.close()
    return lines


if __name__ == "__main__":
    sys.stdout.write(dump() + "\n")
