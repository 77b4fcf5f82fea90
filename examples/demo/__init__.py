"""The demo: one story on real weights and real data, told with the commands that anyone would type.

`python -m examples.demo --home ./demo-home` runs it. Nothing is downloaded: weights and data come from installed
packages.
"""
