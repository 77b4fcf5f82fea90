"""Stored objects in the database: the versions that need them, the damage found in them, and checks of them."""
