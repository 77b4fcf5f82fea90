"""The one set of verbs behind every edge: commands, JSON API, pages, and later a client over HTTP.

One module a subject. `bootstrap.open(home)` gives a `Registry` for one actor; `registry.as_actor(actor)` gives it for
another. A verb takes and gives frozen values of `registry.domain`; the JSON of the API is those values (`codec`) and
nothing else. Every verb may raise PermissionDeniedError; the rest of what it raises is in its docstring.
"""
