"""Converts weights of other tools to our architectures, and checks each conversion against the source."""
