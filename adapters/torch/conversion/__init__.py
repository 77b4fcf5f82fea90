"""Weights of other tools become our architectures, and each conversion proves itself before it is believed."""
