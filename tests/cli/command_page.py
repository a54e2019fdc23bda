"""docs/commands.md, made of what the commands say of themselves: `python -m tests.cli.command_page > docs/commands.md`."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.main import wpkg

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HEAD = """# Commands

What `wpkg --help` and `wpkg COMMAND --help` say, in one place; the other pages tell what it is good for. `--json` is
described in [JSON](json.md).

"""
EXIT_CODES = """
## Exit codes

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed for another reason |
| 2 | wrong usage or invalid input (reference, project file, component) |
| 3 | no set of versions satisfies the requirements |
| 4 | cannot be composed |
| 5 | not trusted: signature, provenance, policy, capability |
| 6 | registry or network |
| 7 | lock file out of date |

`wpkg run` ends with the exit code of the component, and every command with 130 when it is interrupted (Ctrl-C).
"""
# The pages that say more, by command.
PAGES = {
    "add": "dependencies",
    "remove": "dependencies",
    "lock": "lock-format",
    "update": "dependencies",
    "outdated": "dependencies",
    "tree": "dependencies",
    "why": "dependencies",
    "fetch": "cache",
    "cache": "cache",
    "completion": "cache",
    "build": "composition",
    "compose": "composition",
    "fmt": "wac",
    "graph": "graph",
    "inspect": "inspect",
    "targets": "targets",
    "run": "run",
    "call": "run",
    "manifest": "manifest",
    "push": "trust",
    "pull": "trust",
    "sign": "trust",
    "attest": "trust",
    "verify": "trust",
    "key": "trust",
    "copy": "registries",
    "login": "registries",
    "logout": "registries",
    "search": "registry-page",
    "init": "wasmcloud-toml",
}
EVERYWHERE = ("folder", "trust_policies", "locked", "frozen", "offline", "as_json", "quiet", "verbose")


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by its words, groups before what is in them."""
    context = click.Context(wpkg)
    for name in wpkg.list_commands(context):
        command = wpkg.get_command(context, name)
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", below) for inner, below in command.commands.items())


def rows(command: click.Command, context: click.Context, *, everywhere: bool) -> list[str]:
    """The options in a table: those that all commands have, or its own."""
    records = [
        parameter.get_help_record(context)
        for parameter in command.params
        if isinstance(parameter, click.Option) and (parameter.name in EVERYWHERE) is everywhere
    ]
    found = [f"| `{cell(option)}` | {cell(text)} |" for option, text in filter(None, records)]
    return ["", "| option | |", "|---|---|", *found] if found else []


def cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").strip()


def said(command: click.Command) -> list[str]:
    """The paragraphs that its help begins with; lists as they are."""
    paragraphs = (command.help or "").replace("\b\n", "").split("\n\n")
    return [line for paragraph in paragraphs for line in ("", re.sub(r"\s+", " ", paragraph).strip())]


def page() -> str:
    """The page."""
    lines = [HEAD.rstrip()]
    everywhere = wpkg.get_command(click.Context(wpkg), "build")
    assert everywhere is not None
    lines += ["", "## Options of every command", *rows(everywhere, click.Context(everywhere), everywhere=True)]
    lines += ["", "`--locked` and `--frozen` are there where the lock might change."]
    for words, command in commands():
        context = click.Context(command, info_name=words, parent=click.Context(wpkg, info_name="wpkg"))
        usage = " ".join(command.collect_usage_pieces(context))
        lines += ["", f"{'##' if ' ' not in words else '###'} wpkg {words}"]
        if not isinstance(command, click.Group):
            lines += ["", "```", f"wpkg {words} {usage}", "```"]
        lines += said(command)
        lines += rows(command, context, everywhere=False)
        if words in PAGES:
            lines += ["", f"More: [{PAGES[words]}.md]({PAGES[words]}.md)"]
    return "\n".join(lines) + "\n" + EXIT_CODES


if __name__ == "__main__":
    sys.stdout.write(page())
