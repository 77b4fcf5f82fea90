"""Drafts in the database."""
