"""Fills a database with many models, straight into the product's own tables: what `catalog` and `lineage` measure on.

`size` model versions in four fifths as many registered models, each made by a step from heavy-tailed parents and data:
few models and datasets have most of the children. Drawn by a seed; nothing of it is fitted to a real registry.

    python -m benchmarks.material.catalog 100000 sqlite:////tmp/scale/100k.db
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

import numpy as np
from sqlalchemy import Engine, text

from lineage import Digest, NodeKind
from registry.bootstrap import SystemClock
from registry.domain.manifests import canonical_json
from registry.storage.database import Database, open_database

Rows = Iterable[Sequence[object]]
SEED = 20261128
TASKS = (
    "text-classification",
    "image-classification",
    "token-classification",
    "object-detection",
    "feature-extraction",
    "fill-mask",
    "summarization",
    "translation",
    "question-answering",
    "text-generation",
    "image-segmentation",
    "audio-classification",
    "tabular-classification",
    "tabular-regression",
    "sentence-similarity",
    "depth-estimation",
)
MODALITIES = ("text", "image", "audio", "tabular")
LICENCES = ("Apache-2.0", "MIT", "CC-BY-4.0", "CC-BY-NC-4.0", "BSD-3-Clause", "LicenseRef-unknown", "GPL-3.0-only")
ARCHITECTURES = ("bert-base", "resnet18", "vit-small", "distilbert", "mobilenet", "t5-small", "roberta-base", "mlp")
STAGES = (("registered", 0.9), ("candidate", 0.06), ("validated", 0.02), ("production", 0.015), ("retired", 0.005))
STATUSES = (("active", 0.97), ("deprecated", 0.02), ("archived", 0.01))
METRICS = (("accuracy", 0.8), ("f1", 0.4), ("loss", 0.3))
START = datetime(2025, 1, 1, tzinfo=UTC)


def main() -> None:
    """`python -m benchmarks.material.catalog SIZE URL`."""
    size, url = int(sys.argv[1]), sys.argv[2]
    began, cpu = time.perf_counter(), time.process_time()
    with open_database(url) as database:
        fill(database, size)
    print(f"{size:,} models: {time.perf_counter() - began:.0f} s, {time.process_time() - cpu:.0f} s of CPU")


def fill(database: Database, size: int) -> None:
    """Make the tables and write `size` model versions with all that belongs to them. The database must be empty."""
    database.create_or_upgrade()
    world = World(size)
    with bulk(database.engine) as load:
        for table, columns, rows in world.tables():
            load(table, columns.split(), rows)
    with database.factory(SystemClock())(actor="bench", write=True) as uow:
        uow.catalog.rebuild_listings()
        uow.commit_unaudited()
    if database.engine.dialect.name == "postgresql":
        # What the planner last knew of the listings may be that they were empty: it would join them row by row.
        analyze(database.engine)


class World:
    """Everything about the models as arrays; `tables` gives it as rows."""

    def __init__(self, size: int) -> None:
        draw = self.draw = np.random.default_rng(SEED)
        self.size = size
        self.models = max(1, size * 4 // 5)
        self.datasets = max(1, size // 20)
        later = (self.models * draw.random(size - self.models) ** 3).astype(np.int64)
        self.model_of = np.concatenate([np.arange(self.models), later])
        self.number = _counted(self.model_of)
        at = np.arange(1, size)
        hub = draw.random(size - 1) < 0.3
        self.parent = np.where(hub, at * draw.random(size - 1) ** 8, at * draw.random(size - 1) ** 0.5).astype(np.int64)
        self.is_root = draw.random(size) < 0.02
        self.is_root[0] = True
        self.second = draw.random(size) < 0.048
        self.data = (self.datasets * draw.random(size) ** 3).astype(np.int64)
        self.words = _vocabulary(draw)
        self.stages, self.statuses = _chosen(draw, size, STAGES), _chosen(draw, size, STATUSES)

    # Keys: of data their steps, then themselves; of models the step and the version alternate.

    def data_step(self, i: int) -> int:
        """The node of the step that made dataset `i`."""
        return 1 + i

    def data_node(self, i: int) -> int:
        """The node of dataset `i`, counted from 0."""
        return 1 + self.datasets + i

    def step_node(self, i: int) -> int:
        """The node of the step that made model version `i`."""
        return 1 + 2 * self.datasets + 2 * i

    def model_node(self, i: int) -> int:
        """The node of model version `i`."""
        return 2 + 2 * self.datasets + 2 * i

    def data_asset(self, i: int) -> int:
        """The key of registered dataset `i`; those of models count from 1."""
        return 1 + self.models + i

    def name(self, i: int) -> str:
        """The name of registered model `i`."""
        return f"team-{i % 997}/{self.words[i % 5003]}-{i}"

    def ref(self, i: int) -> str:
        """The reference of model version `i`."""
        return f"models:/{self.name(int(self.model_of[i]))}/{self.number[i]}"

    def tables(self) -> Iterator[tuple[str, str, Rows]]:
        """Each table with its columns and rows, in an order in which every key is there before it is used."""
        yield "node", "id kind digest label created_at", self._nodes()
        names = "id kind name folded task modality licence origin description owner words created_at updated_at"
        yield "asset", names, self._assets()
        columns = "node_id kind wanted method adapter state recipe created_by ended_at updated_at epoch epochs"
        yield "step", f"{columns} manifest manifest_digest", self._steps()
        yield "mirror", "step_id state attempts changed_at", self._mirrors()
        yield "version", "node_id asset_id number step_id licence size words created_by", self._versions()
        yield "model_version", "node_id architecture stage status status_reason updated_at", self._model_versions()
        yield (
            "dataset_version",
            "node_id format rows row_index splits split_plan labels",
            (
                (
                    self.data_node(i),
                    "csv",
                    1000,
                    _digest(i),
                    "[]",
                    '{"seed": 7, "shares": {"train": 0.8, "test": 0.2}}',
                    "class",
                )
                for i in range(self.datasets)
            ),
        )
        yield "data_rows", "node_id due", ((self.data_node(i), 1) for i in range(self.datasets))
        yield "file", "id node_id path size sha256", self._files()
        extents = ((i + 1, 0, _digest(i), 0, 1_000_000) for i in range(self.size))
        yield "extent", "file_id position blob offset length", extents
        yield "edge", "from_node to_node role split assurance created_at", self._edges()
        yield "metric", "step_id name data split role value data_label", self._metrics()
        yield "asset_tag", "asset_id key value", self._asset_tags()
        yield "version_tag", "node_id key value", self._version_tags()
        yield "alias", "asset_id alias node_id protected moved_at moved_by", self._aliases()
        yield "card_revision", "node_id number digest text written_at written_by", self._cards()

    def _nodes(self) -> Rows:
        for i in range(self.datasets):
            yield self.data_step(i), NodeKind.STEP.value, _digest(i), f"step-7d{i:024d}", _time(0)
        for i in range(self.datasets):
            yield self.data_node(i), NodeKind.DATASET.value, _digest(-i), f"datasets:/data/set-{i}/1", _time(0)
        for i in range(self.size):
            yield self.step_node(i), NodeKind.STEP.value, _digest(2 * i), f"step-{i:026d}", _time(i)
            yield self.model_node(i), NodeKind.MODEL.value, _digest(2 * i + 1), self.ref(i), _time(i)

    def _assets(self) -> Rows:
        tasks, owners = _heavy(self.draw, self.models, len(TASKS)), _heavy(self.draw, self.models, 300)
        for i in range(self.models):
            name, about, task = self.name(i), self._text(i, 12), TASKS[tasks[i]]
            words = f"{name} {about} {self._tag(i)[0]} {self._tag(i)[1]}"
            origin = "internal" if i % 5 else "huggingface"
            facts = (task, MODALITIES[tasks[i] % 4], LICENCES[i % 7], origin, about, f"owner-{owners[i]}")
            yield i + 1, "models", name, name.replace("_", "-"), *facts, words, _time(i), _time(i * 7 % self.size)
        for i in range(self.datasets):
            name = f"data/set-{i}"
            plain = ("text-classification", "text", "MIT", "internal", "", "owner-0", name, _time(0), _time(0))
            yield self.data_asset(i), "datasets", name, name, *plain

    def _steps(self) -> Rows:
        recipe = json.dumps({"schema": "forebear/recipe/v1", "seed": 7})
        manifest = canonical_json({"schema": "forebear/provenance/v1", "recipe": {"notes": ["Read as it is"]}})
        bound = bytes.fromhex(Digest.of(manifest).hex)
        for i in range(self.datasets):
            made = (self.data_step(i), "datasets", f"data/set-{i}", "import", "dvc", "succeeded", recipe, "owner-0")
            yield *made, _time(0), _time(0), 0.0, 0, manifest, bound
        for i in range(self.size):
            method = "pretraining" if self.is_root[i] else "fine_tuning"
            name = self.name(int(self.model_of[i]))
            made = (self.step_node(i), "models", name, method, "torch", "succeeded", recipe, "owner-0")
            yield *made, _time(i), _time(i), 3.0, 3, manifest, bound

    def _mirrors(self) -> Rows:
        for i in range(self.datasets):
            yield self.data_step(i), "off", 0, _time(0)
        for i in range(self.size):
            yield self.step_node(i), "off", 0, _time(i)

    def _versions(self) -> Rows:
        for i in range(self.datasets):
            yield self.data_node(i), self.data_asset(i), 1, self.data_step(i), "MIT", 1000, "", "owner-0"
        for i in range(self.size):
            owner = int(self.model_of[i])
            facts = (int(self.number[i]), self.step_node(i), LICENCES[owner % 7], 1_000_000, "", "owner-0")
            yield self.model_node(i), owner + 1, *facts

    def _model_versions(self) -> Rows:
        for i in range(self.size):
            yield self.model_node(i), ARCHITECTURES[i % 8], self.stages[i], self.statuses[i], "", _time(i)

    def _files(self) -> Rows:
        return ((i + 1, self.model_node(i), "model.safetensors", 1_000_000, _digest(i)) for i in range(self.size))

    def _edges(self) -> Rows:
        for i in range(self.datasets):
            yield self.data_step(i), self.data_node(i), "output", None, "observed", _time(0)
        for i in range(self.size):
            step, at = self.step_node(i), _time(i)
            if not self.is_root[i]:
                parent = int(self.parent[i - 1])
                yield self.model_node(parent), step, "source", None, "observed", at
                if self.second[i] and parent > 0:
                    yield self.model_node(parent - 1), step, "teacher", None, "observed", at
                yield self.data_node(int(self.data[i])), step, "train", "train", "observed", at
            yield step, self.model_node(i), "output", None, "observed", at

    def _metrics(self) -> Rows:
        for name, share in METRICS:
            has, values = self.draw.random(self.size) < share, self.draw.random(self.size)
            for i in np.flatnonzero(has):
                data = int(self.data[i])
                where = (_digest(-data), "test", "test", round(float(values[i]), 6), f"datasets:/data/set-{data}/1")
                yield self.step_node(int(i)), name, *where

    def _tag(self, i: int) -> tuple[str, str]:
        return f"key-{i % 40}", f"value-{i % 211}"

    def _asset_tags(self) -> Rows:
        return ((i + 1, *self._tag(i)) for i in range(self.models))

    def _version_tags(self) -> Rows:
        return ((self.model_node(i), "run", f"r{i}") for i in range(0, self.size, 3))

    def _aliases(self) -> Rows:
        # The first version of a registered model has the model's own number among all versions.
        for i in range(0, self.models, 5):
            yield i + 1, "champion", self.model_node(i), False, _time(i), "owner-0"

    def _cards(self) -> Rows:
        for i in range(self.size):
            card = f"---\nlicense: mit\n---\n# Model {i}\n\n{self._text(i + 17, 30)}\n"
            yield self.model_node(i), 1, _digest(i), card, _time(i), "owner-0"

    def _text(self, i: int, count: int) -> str:
        """`count` words for `i`, frequent words often: the share of a word falls with its rank."""
        spread = ((i * 2654435761 + k * 40503) % 1_000_003 / 1_000_003 for k in range(count))
        return " ".join(self.words[int(len(self.words) * u**4)] for u in spread)


def bulk(engine: Engine) -> Bulk:
    """Writes rows in one transaction without the secondary indexes, which are made anew at the end."""
    return Bulk(engine)


class Bulk:
    """The quickest way into tables that each database has: COPY, or one prepared statement."""

    def __init__(self, engine: Engine) -> None:
        self.postgres = engine.dialect.name == "postgresql"
        self._raw = engine.raw_connection()
        self._cursor: Any = self._raw.cursor()
        self._indexes: list[str] = []
        self._engine = engine

    def __enter__(self) -> Bulk:
        if not self.postgres:
            self._cursor.execute("PRAGMA query_only = OFF")
            self._cursor.execute("PRAGMA foreign_keys = OFF")
            self._cursor.execute("PRAGMA synchronous = OFF")
            self._cursor.execute("BEGIN")
        found = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND indexname LIKE 'ix_%'"
        )
        lite = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND name LIKE 'ix_%'"
        self._cursor.execute(found if self.postgres else lite)
        for name, definition in self._cursor.fetchall():
            self._indexes.append(definition)
            self._cursor.execute(f"DROP INDEX {name}")
        return self

    def __call__(self, table: str, columns: Sequence[str], rows: Rows) -> None:
        names = ", ".join(f'"{column}"' for column in columns)
        if self.postgres:
            with self._cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(repeat("?", len(columns)))
        self._cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            for definition in self._indexes:
                self._cursor.execute(definition)
            if self.postgres:
                for table in ("node", "asset", "file"):
                    self._cursor.execute(
                        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
                    )
            self._raw.commit() if self.postgres else self._cursor.execute("COMMIT")
        self._raw.close()
        self._engine.dispose()
        if kind is None and self.postgres:
            analyze(self._engine)


def analyze(engine: Engine) -> None:
    """Bring up to date what PostgreSQL knows of the number and the spread of rows, at once."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _counted(owners: np.ndarray) -> np.ndarray:
    """For each position the how-manieth it is of its owner, from 1."""
    order = np.argsort(owners, kind="stable")
    ordered = owners[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    starts = np.maximum.accumulate(np.where(first, np.arange(len(owners)), 0))
    numbers = np.empty(len(owners), dtype=np.int64)
    numbers[order] = np.arange(len(owners)) - starts + 1
    return numbers


def _vocabulary(draw: np.random.Generator) -> list[str]:
    syllables = [a + b for a in "bdfgklmnprstvz" for b in "aeiou"]
    picks = draw.integers(0, len(syllables), (20_000, 3))
    made = dict.fromkeys("".join(syllables[j] for j in row) for row in picks)
    return ["bert", "digits", "sentiment", "german", "medical", *made]


def _heavy(draw: np.random.Generator, size: int, values: int) -> np.ndarray:
    return (values * draw.random(size) ** 3).astype(np.int64)


def _chosen(draw: np.random.Generator, size: int, shares: Sequence[tuple[str, float]]) -> list[str]:
    names = [name for name, _ in shares]
    return [names[i] for i in draw.choice(len(names), size, p=[share for _, share in shares])]


def _digest(i: int) -> bytes:
    return (i * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big") * 4


def _time(i: int) -> str:
    return f"{START + timedelta(seconds=37 * i):%Y-%m-%d %H:%M:%S.%f}"


if __name__ == "__main__":
    main()
