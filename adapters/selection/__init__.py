"""Scores of frozen features, with NumPy alone: which source model suits a dataset."""
