"""What a list costs: as many questions to the database for a thousand rows as for two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, event

from registry import bootstrap
from tests import builders
from tests.serving import ServedRegistry, copy_of

LISTS = (
    "/",
    "/?text=wide",
    "/api/v1/models?limit=500",
    "/api/v1/models?limit=500&metric=metrics.accuracy%20%3E%200.1&sort=metrics.accuracy",
    "/api/v1/models/facets",
    "/models/wide/many?tab=versions",
    "/models/wide/many?tab=approvals",
    "/api/v1/models/wide/many/versions?limit=500",
    "/api/v1/models/wide/many/history?limit=500",
    "/datasets",
    "/datasets/wide/data",
    "/steps",
    "/api/v1/transfers?limit=500",
    "/api/v1/lineage?target=models:/wide/many/1&down=-1&limit=300",
    "/models/wide/many/1?tab=lineage",
    "/api/v1/people?limit=500",
    "/audit",
)


@contextmanager
def questions() -> Iterator[list[str]]:
    """Every statement that any engine sends while the block runs."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def widen(served: ServedRegistry, count: int, start: int) -> None:
    """More models, and more versions of one of them, all from one parent and one dataset."""
    ana = bootstrap.open(served.family.home, settings=served.family.settings, actor="ana")
    with ana.context.write() as uow:
        known = uow.catalog.version(builders.model_ref("wide/many/1"))
        root = known.summary.ref if known else builders.add_version(uow, "wide/many")
        data = builders.add_dataset_version(uow, "wide/data")
        for number in range(start, start + count):
            at = builders.NOW + timedelta(seconds=number)
            for name in (f"wide/model-{number}", "wide/many"):
                builders.add_version(
                    uow, name, parents=[root], data={"train": data}, measured=[builders.metric(0.9)], at=at
                )
        uow.commit(*(builders.event("models:/wide/many", number=n) for n in range(start, start + count)))
    for number in range(start, start + count, 10):
        ana.people.add(f"person-{number}", "Person")


def test_a_list_asks_as_much_for_many_rows_as_for_few(served: ServedRegistry, tmp_path: Path) -> None:
    wide = copy_of(served, tmp_path / "home")
    client = wide.client("vic")
    few: dict[str, int] = {}
    many: dict[str, int] = {}
    for found, count, start in ((few, 5, 0), (many, 60, 5)):
        widen(wide, count, start)
        for address in LISTS:
            client.get(address)  # what is asked once in the life of a server is not the list's
            with questions() as asked:
                answer = client.get(address)
            assert answer.status_code == 200, (address, answer.text[:200])
            found[address] = len(asked)
    more = {address: (few[address], many[address]) for address in LISTS if many[address] > few[address] + 1}
    assert more == {}


def test_one_version_is_read_by_a_handful_of_statements(served: ServedRegistry) -> None:
    client = served.client("vic")
    for address, most in (
        ("/api/v1/models/vision/digits/versions/2", 8),
        ("/api/2.0/mlflow/model-versions/get?name=vision.digits&version=2", 8),
        ("/api/v1/models/vision/digits", 6),
    ):
        assert client.get(address).status_code == 200, address
        with questions() as asked:
            client.get(address)
        assert len(asked) <= most, (address, asked)
