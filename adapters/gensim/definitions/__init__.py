"""One-file definitions that `model pull` writes beside weights."""
