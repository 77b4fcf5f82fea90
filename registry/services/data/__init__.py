"""Datasets: registration, and their bytes out of the store."""
