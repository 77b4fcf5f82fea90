"""Weights as other tools write them, read into arrays by name without running anything that a file brings along."""
