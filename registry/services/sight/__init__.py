"""Closed teams: what one person sees of the registry. See docs/adr/0052."""
