"""The verbs of a registry over the HTTP API of its server: `registry.connect(url, token=…)` gives a `Registry`.

It needs the values of `registry.domain` and an HTTP library, and no database, so it runs on a training machine as well.
The HTTP library is imported with the first request. An error of the server comes back as the same exception, with its
code, message and facts.
"""
