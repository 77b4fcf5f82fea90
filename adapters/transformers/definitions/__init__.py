"""One-file model definitions that `model pull` writes beside weights that no stock class loads."""
