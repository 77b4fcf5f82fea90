"""Bytes in and out: storing, pulling, sources and model inputs."""
