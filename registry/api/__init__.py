"""The JSON API: every route parses, calls one verb of the office, and prints the value it gave."""
