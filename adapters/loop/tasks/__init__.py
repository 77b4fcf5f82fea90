"""Tasks (one per kind of label), metrics, and the data of each role."""
