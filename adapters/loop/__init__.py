"""The training loop that all frameworks share, and what a governed run needs in addition.

A framework package (`adapters.torch`, `adapters.transformers`, …) supplies models and data
(`training.learner.Framework`). `transfer.run` does the rest: determinism, device, feature cache, training, checkpoints,
selection of the best epoch, test, output folder and progress events.
"""
