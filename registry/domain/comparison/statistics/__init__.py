"""The statistics under a verdict, each with its source."""
