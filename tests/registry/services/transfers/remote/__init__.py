"""Steps that run on machines which hold a token and nothing else of the registry."""
