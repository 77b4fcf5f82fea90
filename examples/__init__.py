"""Things to run and to copy from: the demo, and recipes."""
