"""The comparison of arms that answered the same test items: exact tests, resampled intervals, and the verdict.

Pure: numpy and the standard library. Read `tallies` (what a metric is), `resampling` (how sure it is), `exact` (tests
that count) and `judging` (the rule). Import it where a comparison is made, not where one is shown: numpy is not light.
"""
