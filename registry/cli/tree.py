"""Groups and commands of Typer with two changes: groups are imported when they are used, and help is in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

KINDS = {"str": "TEXT", "int": "NUMBER", "int range": "NUMBER", "float": "NUMBER", "path": "PATH"}
"""What help writes for the type of a value."""
ALIKE = 0.8
"""How alike two words must be, by `difflib`'s measure, to suggest one for the other."""


def kind(parameter: Any, context: Any) -> str:
    """What help writes after a parameter: nothing after a flag, a word in capitals for a type, or the choices."""
    if parameter.metavar is not None:
        return str(parameter.metavar)
    if getattr(parameter, "is_flag", False):
        return ""
    shown = str(parameter.display_type(context)).strip("<>")
    shown = shown.removeprefix("list[").removesuffix("]")
    return KINDS.get(shown, shown)


class Command(TyperCommand):
    """A command whose help names types in plain words."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, each with what is written after it."""
        return _named(super().get_params(ctx), ctx)


class Group(TyperGroup):
    """A group of commands; a word that is none of them is answered with what may have been meant."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The parameters, each with what is written after it."""
        return _named(super().get_params(ctx), ctx)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that the first word names. Raises: Typer's usage error, with a suggestion."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"There is no command {args[0]!r}{self._meant(ctx, args[0])}")
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: Any, word: str) -> str:
        """The end of the sentence: the nearest command here, else the commands of other groups with this name."""
        root = ctx.find_root()
        options = {option: f"{root.info_name} --{option}" for option in ("version", "help")}
        known = {**options, **{name: f"{ctx.command_path} {name}" for name in self.commands}}
        near = get_close_matches(word.casefold(), list(known), n=1, cutoff=ALIKE)
        found = [known[near[0]]] if near else self._elsewhere(root, word)
        if not found:
            return ""
        return f". Did you mean {' or '.join(filter(None, (', '.join(found[:-1]), found[-1])))}?"

    @staticmethod
    def _elsewhere(root: Any, word: str) -> list[str]:
        return [
            f"{root.info_name} {name} {word}"
            for name, group in root.command.commands.items()
            if word in getattr(group, "commands", ())
        ][:4]


class LazyCommands(Mapping[str, Any]):
    """The commands of a Typer app that is imported when one of them is used."""

    def __init__(self, module: str, attribute: str) -> None:
        self._module, self._attribute = module, attribute

    @cached_property
    def _loaded(self) -> Mapping[str, Any]:
        group: Any = typer.main.get_group(getattr(import_module(self._module), self._attribute))
        loaded: Mapping[str, Any] = group.commands
        return loaded

    def __getitem__(self, name: str) -> Any:
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded)

    def __len__(self) -> int:
        return len(self._loaded)


def lazy_group(name: str, help: str, module: str, attribute: str = "app") -> Group:
    """A group that knows its name and its help, and imports `module` for its commands."""
    commands: Any = LazyCommands(module, attribute)
    return Group(name=name, help=help, commands=commands, no_args_is_help=True, rich_markup_mode="rich")


def _named(parameters: list[Any], context: Any) -> list[Any]:
    for parameter in parameters:
        if parameter.param_type_name == "option":
            parameter.metavar = kind(parameter, context)
        else:
            parameter.display_type_rich = _no_type  # its name in capitals says enough
    return parameters


def _no_type(ctx: Any) -> None:
    """An argument's type is not written in help."""
