"""Drafts of models, and the objects that people have sent for them."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table, Text, TypedColumns

from registry.storage.sql.types import DigestBytes, Key, UtcDateTime, Word
from registry.storage.tables.base import metadata


class DraftColumns(TypedColumns):
    """One draft; it is deleted when a version was made of it, when somebody discards it, or when it has expired."""

    id = Column(Key, primary_key=True)
    name = Column(Word, nullable=False, unique=True)
    folded = Column(Word, nullable=False, unique=True)
    head = Column(String(40), nullable=False)
    created_at = Column(UtcDateTime, nullable=False)
    created_by = Column(String, nullable=False)
    changed_at = Column(UtcDateTime, nullable=False)
    changed_by = Column(String, nullable=False)
    expires_at = Column(UtcDateTime, nullable=False)


class DraftFileColumns(TypedColumns):
    """One file of a draft."""

    draft_id = Column(Key, ForeignKey("draft.id"), primary_key=True, autoincrement=False)
    path = Column(Text, primary_key=True)
    size = Column(Key, nullable=False)
    digest = Column(DigestBytes, nullable=False, index=True)


class SentObjectColumns(TypedColumns):
    """An object that a person sent: commits may name it."""

    handle = Column(String, primary_key=True)
    digest = Column(DigestBytes, primary_key=True)
    size = Column(Key, nullable=False)
    expires_at = Column(UtcDateTime, nullable=False)


class XetPlaceColumns(TypedColumns):
    """Where chunks of a xorb lie that a person sent: from `offset` on in an object. `sizes` are u32, little-endian."""

    id = Column(Key, primary_key=True)
    handle = Column(String, nullable=False)
    xorb = Column(String(64), nullable=False)
    first = Column(Key, nullable=False)
    digest = Column(DigestBytes, nullable=False, index=True)
    offset = Column(Key, nullable=False)
    sizes = Column(LargeBinary, nullable=False)


class XetEpochColumns(TypedColumns):
    """How often chunks of a person have gone with the objects that they lay in."""

    handle = Column(String, primary_key=True)
    epoch = Column(Key, nullable=False)


draft = Table("draft", metadata, DraftColumns)
draft_file = Table("draft_file", metadata, DraftFileColumns)
sent_object = Table("sent_object", metadata, SentObjectColumns, Index("ix_sent_object_digest", "digest"))
xet_place = Table("xet_place", metadata, XetPlaceColumns, Index("ix_xet_place_handle_xorb", "handle", "xorb"))
xet_epoch = Table("xet_epoch", metadata, XetEpochColumns)
