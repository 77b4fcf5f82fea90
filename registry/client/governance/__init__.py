"""The verbs of governance over HTTP."""
