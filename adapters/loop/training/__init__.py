"""One training loop, and what a governed run needs around it."""
