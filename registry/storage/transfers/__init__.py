"""Tables of transfer steps as values."""
