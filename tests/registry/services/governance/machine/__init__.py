"""The governance state machine."""
