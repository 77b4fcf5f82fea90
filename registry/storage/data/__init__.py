"""Tables of datasets as values."""
