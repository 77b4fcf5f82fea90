"""The verbs of the registry: each is one method, one unit of work and one commit with its audit entry."""
