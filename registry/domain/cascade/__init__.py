"""Cascades: what was made from a version, to be made again from the next one."""
