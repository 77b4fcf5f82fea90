"""Benchmarks beside other tools: each module prints a table."""
