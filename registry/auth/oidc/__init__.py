"""Signing in by an OpenID Connect provider: its documents, its ID tokens, and the way of a browser there and back."""

from registry.auth.oidc.flow import COOKIE, Returned, Way

__all__ = ["COOKIE", "Returned", "Way"]
