"""Classical models on raw rows, with scikit-learn: what a transfer has to beat to be worth its cost."""
