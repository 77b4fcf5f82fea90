"""Policies, evidence, approvals and the case that a policy judges."""
