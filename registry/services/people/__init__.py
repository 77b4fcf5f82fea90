"""People, roles and tokens."""
