"""Registered models: import, cards, tags, aliases and the end of a version."""
