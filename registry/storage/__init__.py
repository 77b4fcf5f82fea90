"""The only code that uses SQLAlchemy: tables, repositories, read queries, blobs and migrations."""
