"""Models that learn from bare text."""
