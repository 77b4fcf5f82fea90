"""What is fast, how fast, against whom: each module prints a table."""
