"""Datasets: versions, labels, rows and splits."""
