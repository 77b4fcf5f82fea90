"""Stands between somebody who does not see every team and all verbs: one place for all protocols and the command line.

What is hidden is asked for under a name that nothing has, and that name is changed back in the answer: whoever asks
gets, in as much time, what they get for a name that does not exist. What they see is done as ever, and the answer is
covered. Inside the verbs everything is seen, so decisions count the whole ancestry.
"""

from __future__ import annotations

import copy
import inspect
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, TypeVar, cast

from registry.domain.catalog.statuses import STOPPED
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.people.teams import Level, Sight, not_a_team
from registry.errors import PermissionDeniedError, RefusedError, RegistryError
from registry.services.bases import refuse_closed_bases
from registry.services.context import Context
from registry.services.sight.covering import Cover
from registry.services.sight.ids import ID, subject_of, unknown_id
from registry.services.sight.mentions import changed, names_in, renamed, typed, versions_in
from registry.services.sight.rules import RULES, Rule

T = TypeVar("T")
ROUNDS = 20
"""Pages that are read at most to fill one."""
_TEXTS = frozenset({("lineage", one) for one in ("target", "source", "one", "other")} | {("audit", "subject")})
"""Parameters that are texts and name something, by subject."""
_RECIPES = frozenset({"check", "submit"})


def guarded(verbs: T, subject: str, context: Context) -> T:
    """The verbs of one subject for a person to whom a team is closed; for anybody else the same verbs."""
    if not context.actor.sight:
        return verbs
    return cast("T", _Guard(verbs, subject, context))


def seen(value: T, context: Context) -> T:
    """A value as the person sees it, without what is hidden in its lists."""
    sight = context.actor.sight
    if not sight.hidden:
        return value
    return cast("T", Cover(sight, partial(_subject_of, context), drops=True).of(value))


def is_told_of_hidden(context: Context, subject: str, texts: Iterable[str]) -> bool:
    """True where an entry of the log about `subject`, or one of these texts, tells the person of something hidden."""
    sight = context.actor.sight
    if not sight.hidden:
        return False
    cover = Cover(sight, partial(_subject_of, context))
    named = (name for text in (subject, *texts) for name in names_in(text))
    return cover.hides(subject) or any(sight.hides(one.team) for one in named)


@dataclass(frozen=True, slots=True)
class _Mention:
    """Something that a verb was given: a name, or the id of a thing with the name that this is about."""

    name: Name
    id: str = ""


class _Guard:
    """Every verb of one subject, guarded."""

    def __init__(self, verbs: object, subject: str, context: Context) -> None:
        self._verbs, self._subject, self._context = verbs, subject, context

    def __getattr__(self, verb: str) -> Any:
        inner = getattr(self._verbs, verb)
        rule = RULES[self._subject].get(verb)
        if rule is None:
            raise PermissionDeniedError(f"{self._subject}.{verb} is only for who sees every team")
        return _Call(self._context, self._subject, verb, rule, inner, self._verbs).run


@dataclass(frozen=True, slots=True)
class _Call:
    context: Context
    subject: str
    verb: str
    rule: Rule
    inner: Callable[..., Any]
    verbs: object

    @property
    def sight(self) -> Sight:
        return self.context.actor.sight

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Check what is named, call the verb, and cover its answer."""
        given = dict(_signature(cast("Any", type(self.verbs)), self.verb).bind(None, *args, **kwargs).arguments)
        del given["self"]
        mentions = self._mentions(given)
        made = self._made(given, mentions)
        if made is not None:
            self._check_team(made)
        if self.rule.whole and self.sight.hidden:
            raise PermissionDeniedError(
                f"This is about every team, and {self.context.actor.handle} does not see all of them",
                remedy="Ask somebody who is a member of each closed team",
            )
        if any(self.sight.hides(one.name.team) for one in mentions):
            return self._unknown(given)
        for number, one in enumerate(mentions):
            first = one.name == made if self.rule.makes else number == 0
            self.sight.require(one.name, self._level(given) if first else self.rule.others)
        self._check_bases(given)
        if not self.sight.hidden:
            return self.inner(*args, **kwargs)
        self._check_ancestry(given)
        cover = Cover(self.sight, self._subject_of, self.rule.drops)
        try:
            return self._covered(cover, given, self.inner(*args, **kwargs))
        except RegistryError as error:
            raise _told(error, cover.of) from error.__cause__

    def _mentions(self, given: Mapping[str, Any]) -> list[_Mention]:
        found = list[_Mention]()
        for name, value in given.items():
            if type(value) is str and (ID.fullmatch(value) or name.endswith("_id")):
                if ID.fullmatch(value) and (about_it := self._subject_of(value)) is not None:
                    found.append(_Mention(about_it, value))
            elif type(value) is str and self.verb in _RECIPES and name == "text":
                found += _of_recipe(value)
            elif type(value) is str:
                found += [_Mention(one) for one in names_in(value) if (self.subject, name) in _TEXTS]
            else:
                found += [_Mention(one) for one in typed(value)]
        target = getattr(given.get("wish"), "target", None)
        if type(target) is str:
            about_it = self._subject_of(target) if ID.fullmatch(target) else None
            found += [_Mention(about_it, target)] if about_it else [_Mention(one) for one in names_in(target)]
        return found

    def _made(self, given: Mapping[str, Any], mentions: list[_Mention]) -> Name | None:
        """The model or dataset that the verb makes, or makes a version of."""
        wanted = given.get("wanted")
        output: Name | None = getattr(wanted, "output", None)
        if output is None and self.rule.makes:
            output = getattr(wanted, "name", mentions[0].name if mentions else None)
        return output

    def _subject_of(self, public_id: str) -> Name | None:
        return _subject_of(self.context, public_id)

    def _check_team(self, made: Name) -> None:
        """Raises: PermissionDeniedError, the same for a team that the person does not see and for none."""
        self.sight.require(made, Level.CONTRIBUTE)
        if not self.sight.hidden:
            return
        team = made.team
        with self.context.open_uow(actor=self.context.actor.handle) as uow:
            exists = uow.teams.exists(_nothing() if self.sight.hides(team) else team)
        if not exists:
            raise not_a_team(team, self.context.actor.handle)

    def _level(self, given: Mapping[str, Any]) -> Level:
        """To stop a version, or to let it go again, takes a role and no level; other statuses are contributions."""
        if self.verb != "set_status":
            return self.rule.level
        status = given["status"]
        if status not in STOPPED and status.value == "active":
            with self.context.open_uow(actor=self.context.actor.handle) as uow:
                ref = uow.catalog.resolve(given["reference"])
                status = next(iter(uow.recalls.stopped([ref]).values()), status) if ref is not None else status
        return Level.READ if status in STOPPED else self.rule.level

    def _unknown(self, given: Mapping[str, Any]) -> Any:
        """What the verb says of something that does not exist, with the names that were asked for.

        What is looked up before a verb of something that does not exist is looked up here too.
        """
        names, ids, now = dict[Name, Name](), dict[str, str](), self.context.clock.now()

        def other(name: Name, number: int | None) -> tuple[Name, int | None]:
            if not self.sight.hides(name.team):
                return name, number
            return names.setdefault(name, Name(_nothing(), _nothing())), number

        asked = dict[str, Any]()
        for name, value in given.items():
            if type(value) is str and ID.fullmatch(value) and self._is_hidden(value):
                asked[name] = ids.setdefault(value, unknown_id(value, now))
            elif type(value) is not str or (self.subject, name) in _TEXTS or self.verb in _RECIPES:
                asked[name] = renamed(value, other)
                target = getattr(value, "target", None)
                if name == "wish" and type(target) is str and ID.fullmatch(target) and self._is_hidden(target):
                    asked[name] = changed(asked[name], {"target": ids.setdefault(target, unknown_id(target, now))})
            else:
                asked[name] = value
        back = {new: name for name, new in names.items()}
        texts = {new: old for old, new in ids.items()}

        def again(name: Name, number: int | None) -> tuple[Name, int | None]:
            return back.get(name, name), number

        def restored(value: Any) -> Any:
            if type(value) is str:
                for new, old in texts.items():
                    value = value.replace(new, old)
            return renamed(value, again)

        cover = Cover(self.sight, self._subject_of, drops=True)
        try:
            self._level(asked)
            self._check_bases(asked)
            self._check_ancestry(asked)
            result = self.inner(**asked)
        except RegistryError as error:
            raise _told(error, lambda one: restored(cover.of(one))) from error.__cause__
        return restored(cover.of(result)) if not self.rule.raw else result

    def _is_hidden(self, public_id: str) -> bool:
        name = self._subject_of(public_id)
        return name is not None and self.sight.hides(name.team)

    def _check_bases(self, given: Mapping[str, Any]) -> None:
        """Raises: RefusedError for an adapter on something whose files the person may not read."""
        if not self.rule.loads:
            return
        with self.context.open_uow(actor=self.context.actor.handle) as uow:
            refs = [one if isinstance(one, VersionRef) else uow.catalog.resolve(one) for one in versions_in(given)]
            step = uow.steps.get(given["step_id"]) if "step_id" in given else None
            if step is not None:
                refs += [step.summary.output, *(one.ref for one in step.inputs)]
            for ref in refs:
                if ref is not None and ref.kind is AssetKind.MODELS:
                    refuse_closed_bases(uow, self.sight, ref)

    def _check_ancestry(self, given: Mapping[str, Any]) -> None:
        """Raises: RefusedError, where the answer would name what the person does not see."""
        if not self.rule.ancestry:
            return
        from registry.services.lineage.verbs import Lineage  # noqa: PLC0415 - two verbs of many

        with self.context.open_uow(actor=self.context.actor.handle) as uow:
            target = given.get("reference")
            if target is None:
                request = uow.governance.request(given["request_id"])
                ref = None if request is None else request.summary.ref
            else:
                ref = uow.catalog.resolve(target)
        if ref is None:
            return
        family = Lineage(self.context, lambda *_: None).show(str(ref), up=-1, down=0, limit=10_000)
        if not family.complete or any(self._is_of_hidden(node.label) for node in family.nodes):
            raise RefusedError(
                f"{ref} was made from a model or dataset of a closed team, and this names everything that it came from",
                remedy="Ask somebody who is a member of that team",
            )

    def _is_of_hidden(self, label: str) -> bool:
        return any(self.sight.hides(one.team) for one in names_in(label))

    def _covered(self, cover: Cover, given: Mapping[str, Any], result: Any) -> Any:
        if self.rule.raw:
            return result
        if isinstance(result, Page):
            return self._filled(cover, given, result)
        if self.rule.drops and isinstance(result, list | tuple):
            return type(result)(cover.seen(result))
        if self.rule.drops and isinstance(result, Iterator):
            return (cover.of(one) for one in result if not cover.hides(one))
        return cover.of(result)

    def _filled(self, cover: Cover, given: Mapping[str, Any], page: Page[Any]) -> Page[Any]:
        """The page without what is hidden, filled from those that follow.

        Where the page is asked for inside a query, storage has left out what is hidden, so the page is full already.
        """
        if "page" not in _signature(cast("Any", type(self.verbs)), self.verb).parameters:
            return replace(page, items=cover.seen(page.items))
        asked = given.get("page", PageRequest())
        items, cursor, rounds = cover.seen(page.items), page.next_cursor, 1
        while cursor is not None and len(items) < asked.limit and rounds < ROUNDS:
            rest = PageRequest(asked.limit - len(items), cursor)
            page = self.inner(**{**given, "page": rest})
            items, cursor, rounds = [*items, *cover.seen(page.items)], page.next_cursor, rounds + 1
        return replace(page, items=items, next_cursor=cursor)


def _nothing() -> str:
    """A name that nothing has, of a length that many have."""
    return f"x{secrets.token_hex(12)}"


def _subject_of(context: Context, public_id: str) -> Name | None:
    with context.open_uow(actor=context.actor.handle) as uow:
        return subject_of(uow, public_id, context.actor.sight, context.clock.now())


def _told(error: RegistryError, rewrite: Callable[[Any], Any]) -> RegistryError:
    """The same error with other texts."""
    new = copy.copy(error)
    for name, value in vars(error).items():
        setattr(new, name, rewrite(value))
    new.args = (new.message,)
    return new


def _of_recipe(text: str) -> list[_Mention]:
    """What a recipe makes, and what goes in; nothing for one that cannot be read, which the verb says."""
    from registry.services.recipes.recipes import read_recipe, roles_of  # noqa: PLC0415 - two verbs of many

    try:
        document = read_recipe(text)
    except RegistryError:
        return []
    data = [choice.dataset.name for choice in roles_of(document).values()]
    return [_Mention(one) for one in (document.output, *(one.name for one in document.references()), *data)]


@cache
def _signature(kind: type[object], verb: str) -> inspect.Signature:
    return inspect.signature(getattr(kind, verb))
