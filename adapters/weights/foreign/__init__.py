"""Reads the weights of other tools into named arrays, without running code from a file."""
