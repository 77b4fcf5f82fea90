"""How each subject looks in a terminal."""
