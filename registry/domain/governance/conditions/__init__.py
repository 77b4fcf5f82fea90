"""Conditions of a policy: read from CEL, checked against types, evaluated in counted steps."""
