"""Models of this adapter's own, one file each: what `model pull` puts beside weights that no stock class loads."""
