"""The verbs of drift."""
