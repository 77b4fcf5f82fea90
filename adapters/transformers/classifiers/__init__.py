"""Stock classifiers, and heads of our own on the mean of tokens."""
