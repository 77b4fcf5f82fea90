"""Continued pretraining of image models without labels: the loss, and the random views that it compares."""
