"""Drift: whether the data that a version meets now is still like the rows that it was tested on."""
