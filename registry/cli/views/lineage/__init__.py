"""How ancestry looks in a terminal."""
