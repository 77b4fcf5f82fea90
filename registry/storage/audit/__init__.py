"""The table of the audit chain."""
