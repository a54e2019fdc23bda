"""Options and commands whose help is worked on when it is shown: other runs are spared what only that needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

F = TypeVar("F", bound="Callable[..., Any] | click.Command")


class Option(click.Option):
    """An option whose help is one line, which needs no laying out."""

    def __init__(self, declarations: Sequence[str], *, help: str = "", **attributes: Any) -> None:  # noqa: A002
        super().__init__(declarations, **attributes)
        self.help = help


def option(*declarations: str, **attributes: Any) -> Callable[[F], F]:
    """What `click.option` does, with an `Option`."""
    return click.option(*declarations, cls=Option, **attributes)


def version_option(text: str) -> Callable[[F], F]:
    """`--version`, which prints `text` and ends the command."""
    return option("--version", **_ending(lambda _: text), help="Show the version and exit.")


class Command(click.Command):
    """A command whose `--help` is an `Option`."""

    _help: Option | None = None  # made once: click compares options by identity

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """`--help`, if it has one."""
        names = self.get_help_option_names(ctx)
        if names and self._help is None:
            self._help = Option(
                names, **_ending(lambda context: context.get_help()), help="Show this message and exit."
            )
        return self._help


class Group(Command, click.Group):
    """Such a command, of commands."""


def _ending(text: Callable[[click.Context], str]) -> dict[str, Any]:
    """What makes an option one that prints `text` and ends the command."""

    def end(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001
        if value and not context.resilient_parsing:
            click.echo(text(context), color=context.color)
            context.exit()

    return {"is_flag": True, "expose_value": False, "is_eager": True, "callback": end}
