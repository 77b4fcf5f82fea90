"""What the command line and the pages share: sizes, durations, numbers and learning curves for people to read."""
