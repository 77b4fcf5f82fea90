"""Transfer steps: what happened, what was measured, and the manifest that records it."""
