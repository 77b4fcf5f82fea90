"""Every word of a model once, in one row with the full-text index over it; and the words by how they are spelt."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

# Types as they were in this revision: a migration never imports what may change later.
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WORD = sa.String(96).with_variant(sa.String(96, collation="C"), "postgresql")
PIECE = 1000
"""Models, or words, that are written at once."""
MOST_WORDS, CUT, EVERY = 20_000, 64, "∀"
PLAIN = re.compile(r"[^\W\d_]{3,28}\d{0,3}")
BEFORE = {
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
        "INSERT INTO document_words (document_words) VALUES ('rebuild')",
    ),
    "postgresql": ("CREATE INDEX document_words ON document USING gin (to_tsvector('simple'::regconfig, words))",),
}
NO_LONGER = {
    "sqlite": (
        "DROP TRIGGER document_added",
        "DROP TRIGGER document_removed",
        "DROP TRIGGER document_changed",
        "DROP TABLE document_words",
    ),
    "postgresql": ("DROP INDEX document_words",),
}
FULL_TEXT = {
    # Words are folded and have one space between them: an ASCII tokenizer takes any other character as part of a word.
    "sqlite": (
        "CREATE VIRTUAL TABLE wording_index USING fts5("
        "words, content='wording', content_rowid='asset_id', detail='none', tokenize='ascii')",
        "INSERT INTO wording_index (wording_index) VALUES ('rebuild')",
        "CREATE TRIGGER wording_added AFTER INSERT ON wording BEGIN "
        "INSERT INTO wording_index (rowid, words) VALUES (new.asset_id, new.words); END",
        "CREATE TRIGGER wording_removed AFTER DELETE ON wording BEGIN "
        "INSERT INTO wording_index (wording_index, rowid, words) VALUES ('delete', old.asset_id, old.words); END",
        "CREATE TRIGGER wording_changed AFTER UPDATE ON wording BEGIN "
        "INSERT INTO wording_index (wording_index, rowid, words) VALUES ('delete', old.asset_id, old.words); "
        "INSERT INTO wording_index (rowid, words) VALUES (new.asset_id, new.words); END",
    ),
    "postgresql": ("CREATE INDEX wording_index ON wording USING gin (array_to_tsvector(string_to_array(words, ' ')))",),
}
KEYS = "SELECT id FROM asset WHERE kind = 'models' AND deleted_at IS NULL AND id > :after ORDER BY id LIMIT :piece"
DOCUMENTS = (
    "SELECT -id, words FROM document WHERE id BETWEEN -:last AND -:first UNION ALL "
    "SELECT v.asset_id, d.words FROM version v JOIN document d ON d.id = v.node_id "
    "WHERE v.asset_id BETWEEN :first AND :last"
)


def upgrade() -> None:
    """One row of words for each model, from its documents."""
    for statement in NO_LONGER[op.get_bind().dialect.name]:
        op.execute(statement)
    wording = op.create_table(
        "wording",
        sa.Column("asset_id", KEY, autoincrement=False, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["asset_id"], ["asset.id"], name="fk_wording_asset_id_asset"),
        sa.PrimaryKeyConstraint("asset_id", name="pk_wording"),
    )
    word = op.create_table(
        "word", sa.Column("word", WORD, nullable=False), sa.PrimaryKeyConstraint("word", name="pk_word")
    )
    trigram = op.create_table(
        "trigram",
        sa.Column("trigram", sa.String(3), nullable=False),
        sa.Column("length", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("word", WORD, nullable=False),
        sa.PrimaryKeyConstraint("trigram", "length", "word", name="pk_trigram"),
    )
    known = sorted(_fill(wording))
    for at in range(0, len(known), PIECE):
        op.bulk_insert(word, [{"word": one} for one in known[at : at + PIECE]])
    plain = [one for one in known if PLAIN.fullmatch(one)]
    for at in range(0, len(plain), PIECE):
        op.bulk_insert(trigram, list(_trigrams(plain[at : at + PIECE])))
    for statement in FULL_TEXT[op.get_bind().dialect.name]:
        op.execute(statement)


def _fill(wording: sa.Table[Any]) -> set[str]:
    connection, known, after = op.get_bind(), set[str](), 0
    while keys := connection.scalars(sa.text(KEYS), {"after": after, "piece": PIECE}).all():
        words: dict[int, set[str]] = {}
        for key, text in connection.execute(sa.text(DOCUMENTS), {"first": keys[0], "last": keys[-1]}):
            words.setdefault(key, set()).update(word[:CUT] for word in text.split())
        op.bulk_insert(
            wording,
            [
                {"asset_id": key, "words": EVERY if len(found) > MOST_WORDS else " ".join(sorted(found))}
                for key, found in words.items()
            ],
        )
        known.update(*words.values())
        after = keys[-1]
    return known


def _trigrams(words: Iterable[str]) -> Iterable[dict[str, object]]:
    for word in words:
        padded = f"  {word} "
        for part in sorted({padded[at : at + 3] for at in range(len(padded) - 2)}):
            yield {"trigram": part, "length": len(word), "word": word}


def downgrade() -> None:
    """Nothing is lost: the index is over the documents again."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE wording_index")
    op.drop_table("trigram")
    op.drop_table("word")
    op.drop_table("wording")
    for statement in BEFORE[op.get_bind().dialect.name]:
        op.execute(statement)
