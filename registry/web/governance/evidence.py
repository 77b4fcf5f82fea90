"""The forms that evidence is added by: what one holds, and what is shown again when it was refused."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from starlette.datastructures import FormData, UploadFile

from registry.domain.governance.policies.evidence_types import EvidenceType, FieldType
from registry.domain.names import AssetKind, Reference
from registry.domain.verbs.registry import Registry
from registry.errors import RegistryError

_FIELD = "field-"


@dataclass(frozen=True, slots=True)
class RefusedEvidence:
    """A form that was refused: it is shown again with what was typed, and a sentence beside each wrong field."""

    type: str
    values: Mapping[str, str]
    error: RegistryError
    had_file: bool
    problems: Mapping[str, str] = field(default_factory=dict)
    """By field; empty where the error is not about single fields."""

    @property
    def elsewhere(self) -> str:
        """What is wrong beside single fields, for the top of the form; empty if the fields say it all."""
        return "" if self.problems else str(self.error)


def add_from(registry: Registry, reference: Reference, form: FormData) -> RefusedEvidence | None:
    """Add the evidence in `form`; None when it was added. Raises: RegistryError that is not about the evidence."""
    name, file = str(form.get("type", "")), form.get("file")
    attached = file if isinstance(file, UploadFile) and file.filename else None
    values = _values(form)
    kind = next((one for one in registry.promotions.evidence_types(reference) if one.name == name), None)
    try:
        registry.promotions.add_evidence(
            reference,
            name,
            _filled(values, kind),
            file=attached.file if attached else None,
            file_name=attached.filename if attached else None,
        )
    except RegistryError as error:
        if kind is None:
            raise  # there is no such form on the page
        return RefusedEvidence(name, values, error, attached is not None, _problems(error, kind))
    return None


def reference_in(form: FormData) -> Reference:
    """The version that the evidence is about. Raises: BadReferenceError."""
    return Reference.parse(str(form.get("reference", "")), kind=AssetKind.MODELS)


def _values(form: FormData) -> dict[str, str]:
    """What was typed, by field, without blank fields."""
    return {
        key.removeprefix(_FIELD): value.strip()
        for key, value in form.items()
        if key.startswith(_FIELD) and isinstance(value, str) and value.strip()
    }


def _filled(values: Mapping[str, str], kind: EvidenceType | None) -> dict[str, object]:
    """The same with numbers as numbers, and true and false as such, where the type says so."""
    found: dict[str, object] = dict(values)
    for one in kind.fields if kind else ():
        if one.type is FieldType.BOOLEAN and one.name in found:
            found[one.name] = {"true": True, "false": False}.get(values[one.name], values[one.name])
        if one.type is FieldType.NUMBER and one.name in found:
            with suppress(ValueError):  # what is no number is refused by the form's own rule
                found[one.name] = float(values[one.name])
    return found


def _problems(error: RegistryError, kind: EvidenceType) -> dict[str, str]:
    """The sentences about fields, if all of them are about fields that the form on the page has."""
    problems = error.facts.get("fields")
    known = {one.name for one in kind.fields}
    return dict(problems) if isinstance(problems, Mapping) and known.issuperset(problems) else {}
