"""The floor that the torch-based frameworks share: one visible loop, and what a governed run needs around it.

`adapters.torch` and `adapters.transformers` bring models and data (`learner.Framework`); `transfer.run` does the rest:
determinism, device, feature cache, training, checkpoints, choice of the best epoch, test, output folder and events.
"""
