"""Tables of nodes and edges as values."""
