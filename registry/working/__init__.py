"""A machine that runs steps for a server: it holds a token, a cache of inputs, and nothing else of the registry."""
