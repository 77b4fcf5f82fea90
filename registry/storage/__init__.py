"""The only SQLAlchemy in the house: tables, repositories, read queries, blobs and migrations."""
