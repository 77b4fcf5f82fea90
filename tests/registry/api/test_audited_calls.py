"""What is listed in `changing` is what runs: each route, form and command calls its verb and no other that
writes. Read in their source, so that every one is looked at, and not only those that some story comes by.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import walk_packages
from types import FunctionType, ModuleType
from typing import Any

from fastapi.routing import APIRoute

import registry.api
import registry.web
from registry.cli import reference
from tests.contracts.test_verbs import PROTOCOLS
from tests.registry.api.changing import COMMANDS, FORMS, ROUTES
from tests.registry.api.test_audited_changes import TOLD_ELSEWHERE, WRITTEN

REFUSED = "nothing"
MLFLOW: Mapping[str, str] = {
    "DELETE model-versions/delete": "catalog.delete",
    "DELETE model-versions/delete-tag": "catalog.tag",
    "DELETE registered-models/alias": "catalog.drop_alias",
    "DELETE registered-models/delete": "catalog.delete",
    "DELETE registered-models/delete-tag": "catalog.tag",
    "DELETE webhooks/{webhook}": REFUSED,
    "PATCH model-versions/update": "catalog.revise_card",
    "PATCH registered-models/update": "catalog.describe",
    "PATCH webhooks/{webhook}": REFUSED,
    "POST model-versions/create": "catalog.import_model",
    "POST model-versions/set-tag": "catalog.tag",
    "POST model-versions/transition-stage": "promotions.request",
    "POST registered-models/alias": "catalog.set_alias",
    "POST registered-models/create": "catalog.create",
    "POST registered-models/get-latest-versions": REFUSED,
    "POST registered-models/rename": "catalog.create",
    "POST registered-models/set-tag": "catalog.tag",
    "POST webhooks": REFUSED,
    "POST webhooks/{webhook}/test": REFUSED,
}
"""The routes of MLflow's clients that are not reading ones by their method, and what they do: many are refused."""
HUB: Mapping[str, str] = {
    "POST /api/repos/create": "drafts.begin",
    "POST /api/models/{team}/{name}/branch/{branch}": REFUSED,
    "POST /api/models/{team}/{name}/commit/{revision}": "drafts.commit",
    "POST /api/models/{team}/{name}/tag/{revision}": "drafts.register",
    "PUT /api/lfs/{oid}/{size}": "drafts.receive",
    "PUT /api/lfs/{oid}/{size}/{number}": REFUSED,  # a part: kept in a folder until all are there
    "POST /api/lfs/{oid}/{size}": "drafts.receive",
    "POST /api/xet/{person}/{epoch}/v1/shards": "drafts.assemble",
    "POST /api/xet/{person}/{epoch}/v1/xorbs/default/{hash}": "drafts.receive_xorb",
}
"""The routes by which the Hub's clients write."""
UPLOADED = {"PUT /api/2.0/mlflow-artifacts/artifacts/uploads/{upload}/{path:path}"}
"""Files of MLflow's clients, kept in a folder until a version is made of them."""
THROUGH = {"sessions.end": "sign_out", "passwords.begin": "sign_in_by_password"}
"""Verbs that an edge calls through the doorkeeper, and by what name."""
READING = {f"POST /api/{kind}/{{team}}/{{name}}/paths-info/{{revision}}" for kind in ("models", "datasets")} | {
    "POST /api/models/{team}/{name}/preupload/{revision}",
    "POST /api/validate-yaml",
    "POST /{team}/{name}.git/info/lfs/objects/batch",
    "POST /{team}/{name}.git/info/lfs/objects/verify",
}
"""Routes of the Hub's clients that ask with a body."""
TAKING_PIECES = (
    "/datasets/{team}/{name}/versions",
    "/lineage/identify",
    "/models/{team}/{name}/versions",
    "/models/{team}/{name}/versions/{version}/evidence",
    "/transfers/recorded",
    "/transfers/{step}/output",
)
"""Routes that read an upload: its pieces are no more needed then."""
ALSO: Mapping[str, set[str]] = {
    "route POST /api/2.0/mlflow/model-versions/create": {"catalog.tag", "catalog.copy"},  # a source may be a version
    "route POST /api/2.0/mlflow/model-versions/transition-stage": {"catalog.set_status"},  # Archived is a status
    "route POST /api/2.0/mlflow/registered-models/rename": {"catalog.tag"},  # another spelling of the same name
    "route POST /api/models/{team}/{name}/tag/{revision}": {"catalog.set_alias"},  # of a version that is there
    **{f"route POST {path}": {"uploads.end"} for path in TAKING_PIECES},
    "form POST /waivers/{waiver_id}/{deed}": {"reviews.end_waiver"},
    "form POST /device": {"devices.refuse"},
    "form POST /identities": {"sessions.prove"},  # before one is bound
    "form POST /status": {"promotions.request"},  # of a version in use: a decision instead
    "form POST /webhooks/{webhook_id}/{deed}": {"notifications.resume_webhook"},
    "command tick": {"notifications.deliver"},
    "command start": {"transfers.cancel", "promotions.request"},
    "command model import": {"catalog.tag"},
    "command model import-mlflow": {"catalog.tag"},
    "command model alias": {"catalog.drop_alias"},
    "command transfer run": {"transfers.cancel"},  # by Ctrl-C
    "command transfer resume": {"transfers.cancel"},
}
"""What some do besides or instead, by an option or by the state of things: each such call is a change of its own."""
VERBS = {
    f"{subject}.{name}"
    for subject, protocol in PROTOCOLS.items()
    for name, _ in inspect.getmembers(protocol, inspect.isfunction)
}
WRITING = {name.partition(",")[0] for name in WRITTEN} | set(TOLD_ELSEWHERE)
Function = Callable[..., object]


def modules(package: ModuleType) -> Iterator[ModuleType]:
    return (import_module(one.name) for one in walk_packages(package.__path__, f"{package.__name__}."))


def changing_routes(package: ModuleType) -> dict[str, Function]:
    """What is called by each route of the package that is not read with GET."""
    return {
        f"{method} {route.path}": route.endpoint
        for module in modules(package)
        for route in getattr(getattr(module, "router", None), "routes", ())
        if isinstance(route, APIRoute)
        for method in set(route.methods or ()) - {"GET", "HEAD"}
    }


def behind(command: Any) -> Function:
    """The function that a command was written as, behind those that parse and print for it."""
    found: Function = command.callback
    while inner := [
        one.cell_contents for one in getattr(found, "__closure__", None) or () if inspect.isfunction(one.cell_contents)
    ]:
        found = inner[-1]
    return found


@cache
def read(function: FunctionType) -> tuple[frozenset[str], frozenset[str], tuple[FunctionType, ...]]:
    """The attributes that it reads, the verbs among them, and the functions of ours that it names."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except OSError:
        return frozenset(), frozenset(), ()
    attributes, verbs, named = set[str](), set[str](), list[object]()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Attribute(attr=subject) | ast.Name(id=subject), name):
                attributes.add(name)
                verbs |= {f"{subject}.{name}"} & VERBS
            case ast.Attribute(attr=name):
                attributes.add(name)
            case ast.Name(id=name) if name not in function.__code__.co_varnames:
                named.append(function.__globals__.get(name))
            case ast.ImportFrom(module=str(place), names=names) if place.startswith("registry.cli"):
                named += [getattr(import_module(place), one.name, None) for one in names]
    rooms = ("registry.api.", "registry.web.", "registry.cli.")
    ours = (one for one in named if isinstance(one, FunctionType) and one.__module__.startswith(rooms))
    return frozenset(attributes), frozenset(verbs), tuple(ours)


def called(function: Function) -> tuple[set[str], set[str]]:
    """The attributes and verbs of a function and of all functions of the edges that it leads to."""
    attributes, verbs, seen = set[str](), set[str](), set[FunctionType]()
    todo = [inspect.unwrap(function)]
    while todo:
        one = todo.pop()
        if isinstance(one, FunctionType) and one not in seen:
            seen.add(one)
            own, found, further = read(one)
            attributes |= own
            verbs |= found
            todo += further
    return attributes, verbs


def places() -> Iterator[tuple[str, Function, str]]:
    for path, function in changing_routes(registry.web).items():
        yield f"form {path}", function, FORMS[path]
    for path, function in changing_routes(registry.api).items():
        if path in ROUTES:
            yield f"route {path}", function, ROUTES[path]
        elif path in HUB:
            yield f"route {path}", function, HUB[path]
        elif path not in READING | UPLOADED:
            method, _, rest = path.partition(" /api/2.0/mlflow/")
            yield f"route {path}", function, MLFLOW[f"{method} {rest}"]
    for words, command in reference.commands():
        name = words.removeprefix("forebear ")
        if name in COMMANDS:
            yield f"command {name}", behind(command), COMMANDS[name]


def test_each_route_form_and_command_calls_the_verb_that_it_is_listed_with_and_no_other_that_writes() -> None:
    wrong, kinds = {}, set[str]()
    for place, function, verb in places():
        attributes, verbs = called(function)
        kinds.add(place.partition(" ")[0])
        others = (verbs & WRITING) - {verb} - ALSO.get(place, set())
        if others or (verb != REFUSED and THROUGH.get(verb, verb.rpartition(".")[2]) not in attributes):
            wrong[place] = (verb, sorted(others))
    assert wrong == {}
    assert kinds == {"form", "route", "command"}


def test_every_changing_route_of_the_clients_of_other_tools_is_listed() -> None:
    others = {path for path in changing_routes(registry.api) if path not in ROUTES} - READING - UPLOADED
    assert {path.replace(" /api/2.0/mlflow/", " ") for path in others} == {*MLFLOW, *HUB}
