"""Who is asking, and how often they may."""

from registry.auth.counting import WRONG_PER_MINUTE, Attempts, Counts, Rates
from registry.auth.doorkeeper import COOKIE, LIFETIME, Doorkeeper, Session

__all__ = ["COOKIE", "LIFETIME", "WRONG_PER_MINUTE", "Attempts", "Counts", "Doorkeeper", "Rates", "Session"]
