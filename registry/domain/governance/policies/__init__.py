"""Policies as values: transitions, terms, evidence types, and several that judge as one."""
