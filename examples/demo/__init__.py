"""The demo: one complete example with real weights and real data, using the same commands as a user.

`python -m examples.demo --home ./demo-home` runs it. Nothing is downloaded: weights and data come from installed
packages.
"""
