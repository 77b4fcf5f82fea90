"""Choosing what to start from."""
