"""Choosing what to start from: how candidates are ordered, and what is recorded of the choice."""
