"""The training loop, and what a governed run needs in addition."""
