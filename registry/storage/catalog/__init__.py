"""Tables of registered models as values."""
