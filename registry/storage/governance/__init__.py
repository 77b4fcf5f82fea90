"""Tables of policies, evidence, requests and votes as values."""
