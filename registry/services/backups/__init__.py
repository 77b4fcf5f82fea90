"""Backups of a whole registry: make one, verify it, restore it."""
