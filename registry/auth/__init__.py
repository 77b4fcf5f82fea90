"""Who is asking, and how often they may."""

from registry.auth.counting import WRONG_PER_MINUTE, Attempts, Begun, Counts, Guesses, Rates
from registry.auth.doorkeeper import COOKIE, Doorkeeper

__all__ = ["COOKIE", "WRONG_PER_MINUTE", "Attempts", "Begun", "Counts", "Doorkeeper", "Guesses", "Rates"]
