"""Baselines: the arms of a comparison, and the verdict on a transfer."""
