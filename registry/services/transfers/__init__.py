"""Transfer steps: submitting, running, watching and publishing."""
