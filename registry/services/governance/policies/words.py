"""What the parts of a policy file are made of: words, durations (ISO 8601) and conditions."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from registry.domain.governance.conditions.expressions import Expression
from registry.domain.names import check_alias
from registry.domain.people.people import check_role
from registry.errors import RegistryError

_WORD = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_FIELD = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_DURATION = re.compile(r"P(?=.)(?:(\d{1,4})W)?(?:(\d{1,4})D)?(?:T(?=.)(?:(\d{1,4})H)?(?:(\d{1,4})M)?)?")


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """A domain's own check as Pydantic wants it: its sentence becomes the sentence beside the line."""

    def validate(text: str) -> str:
        try:
            check(text)
        except RegistryError as error:
            raise ValueError(str(error)) from error
        return text

    return AfterValidator(validate)


def _word(text: str) -> str:
    if not _WORD.fullmatch(text) or len(text) > 64:
        raise ValueError(f"{text[:80]!r} is not a lower-case word with - or _ between its parts")
    return text


def _field_name(text: str) -> str:
    if not _FIELD.fullmatch(text) or len(text) > 64:
        raise ValueError(f"{text[:80]!r} is not a lower-case word with _ between its parts")
    return text


def _duration(value: object) -> timedelta:
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{str(value)[:40]!r} is not a duration: write for example P30D, P2W or PT12H")
    weeks, days, hours, minutes = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


Word = Annotated[str, AfterValidator(_word)]
FieldName = Annotated[str, AfterValidator(_field_name)]
Role = Annotated[str, _checked(check_role)]
Alias = Annotated[str, _checked(check_alias)]
Condition = Annotated[str, _checked(Expression)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]
EmptyIsTrue = Annotated[bool, Field(alias="emptyIsTrue")]
"""Whether `all` holds over an empty list; otherwise the condition has no answer then, and nothing is let through."""
Text = Annotated[str, Field(max_length=1000)]
Path = tuple[str | int, ...]
"""Where in the document something stands."""
STRICT = ConfigDict(extra="forbid", strict=True)
"""How every part of the file is read: nothing but its keys, each of its very type."""
