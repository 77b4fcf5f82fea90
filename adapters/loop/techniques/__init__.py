"""Parts of methods that can be tested alone."""
