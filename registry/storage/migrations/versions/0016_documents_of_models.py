"""The words by which models are found, with the database's own full-text index over them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PIECE = 1000
"""Models or versions that are read and written at once."""
FULL_TEXT = {
    "sqlite": (
        "CREATE VIRTUAL TABLE document_words USING fts5("
        "words, content='document', content_rowid='id', tokenize='unicode61 remove_diacritics 0')",
        "CREATE TRIGGER document_added AFTER INSERT ON document BEGIN "
        "INSERT INTO document_words (rowid, words) VALUES (new.id, new.words); END",
        "CREATE TRIGGER document_removed AFTER DELETE ON document BEGIN "
        "INSERT INTO document_words (document_words, rowid, words) VALUES ('delete', old.id, old.words); END",
        "CREATE TRIGGER document_changed AFTER UPDATE ON document BEGIN "
        "INSERT INTO document_words (document_words, rowid, words) VALUES ('delete', old.id, old.words); "
        "INSERT INTO document_words (rowid, words) VALUES (new.id, new.words); END",
    ),
    "postgresql": ("CREATE INDEX document_words ON document USING gin (to_tsvector('simple'::regconfig, words))",),
}
MODELS = (
    "SELECT id, name, description, task FROM asset "
    "WHERE kind = 'models' AND deleted_at IS NULL AND id > :after ORDER BY id LIMIT :piece"
)
VERSIONS = (
    "SELECT m.node_id AS id, m.architecture, coalesce(c.text, '') FROM model_version m "
    "JOIN version v ON v.node_id = m.node_id AND v.deleted_at IS NULL "
    "LEFT JOIN card_revision c ON c.node_id = m.node_id AND c.number = "
    "(SELECT max(n.number) FROM card_revision n WHERE n.node_id = m.node_id) "
    "WHERE m.node_id > :after ORDER BY m.node_id LIMIT :piece"
)
MODEL_TAGS = "SELECT asset_id, key, value FROM asset_tag WHERE asset_id BETWEEN :first AND :last ORDER BY asset_id, key"
VERSION_TAGS = (
    "SELECT node_id, key, value FROM version_tag WHERE node_id BETWEEN :first AND :last ORDER BY node_id, key"
)


def upgrade() -> None:
    """A model has a document, and so has each version; `registry.storage.catalog.documents` says what is in them."""
    made = op.create_table(
        "document",
        sa.Column("id", KEY, autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
    )
    for statement in FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(statement)
    _fill(made, MODELS, MODEL_TAGS, -1)
    _fill(made, VERSIONS, VERSION_TAGS, 1)


def _fill(made: sa.Table[Any], query: str, tags: str, sign: int) -> None:
    connection, after = op.get_bind(), 0
    while rows := connection.execute(sa.text(query), {"after": after, "piece": PIECE}).all():
        texts: dict[int, list[str]] = {row[0]: list(row[1:]) for row in rows}
        for tag in connection.execute(sa.text(tags), {"first": rows[0][0], "last": rows[-1][0]}):
            texts.get(tag[0], []).extend(tag[1:])
        op.bulk_insert(made, [{"id": sign * key, "words": _words(found)} for key, found in texts.items()])
        after = rows[-1][0]


def _words(texts: Sequence[str]) -> str:
    folded = unicodedata.normalize("NFKC", " ".join(texts)).casefold()
    return "".join(f" {word}" for word in re.findall(r"[^\W_]+", folded))


def downgrade() -> None:
    """Nothing is lost: all of it can be made anew."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE document_words")
    op.drop_table("document")
