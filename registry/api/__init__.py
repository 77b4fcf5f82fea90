"""The JSON API: every route parses, calls one verb of the registry, and prints the value it gave."""
