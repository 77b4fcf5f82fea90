"""Tables of people and tokens as values."""
