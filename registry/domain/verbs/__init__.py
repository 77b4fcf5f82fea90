"""The one set of verbs behind every edge: commands, JSON API, pages, and the client over HTTP.

One module a subject. `bootstrap.open(home)` gives a `Registry` for one actor; `registry.as_actor(actor)` gives it for
another. A verb takes and gives frozen values of `registry.domain`; the JSON of the API is those values (`codec`) and
nothing else. A new verb is implemented by `registry.services`, gets a route in `registry.api.routes`, a method in
`registry.client` that asks that route, a call in `tests/contracts/verb_calls.py`, and a line in
`tests/registry/api/test_audited_changes.py` with the audit entries that it writes. Every verb may raise
PermissionDeniedError; the rest of what it raises is in its docstring.
"""
