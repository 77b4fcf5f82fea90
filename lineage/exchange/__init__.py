"""The ancestry of a version in the formats of other programs, as JSON values; each module names its specification."""
