"""How governance looks in a terminal."""
