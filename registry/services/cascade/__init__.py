"""The verbs of cascades."""
