"""`wpkg completion`, and what bash asks when a person presses tab.

click knows the commands and the shells; but its script for bash passes on words that bash has taken apart, at the
colon of a package's name for one.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import (
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session

COMPLETE_VARIABLE = "_WPKG_COMPLETE"

_BASH = r"""%(complete_func)s() {
    local IFS=$'\n' line type value
    COMPREPLY=()
    for line in $(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_BREAKS="$COMP_WORDBREAKS" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null); do
        IFS=',' read -r type value <<<"$line"
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value") ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class BashComplete(ShellComplete):
    """bash 4.4 and newer. Splits the line itself, because COMP_WORDS is split at colons and more."""

    name = "bash"
    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is being written, and that one."""
        line = os.environ["COMP_LINE"][: int(os.environ["COMP_POINT"])]
        words = split_arg_string(line)
        incomplete = words.pop() if len(words) > 1 and not line[-1].isspace() else ""
        return words[1:], incomplete

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """Without what bash does not replace: everything up to the last character that breaks words for it.

        `@` and `$` belong to the word that they begin (readline, `rl_special_prefixes`).
        """
        last = max((incomplete.rfind(char) for char in os.environ.get("COMP_BREAKS", "")), default=-1)
        prefix = incomplete[: last if incomplete[last : last + 1] in ("@", "$") else last + 1]
        found = super().get_completions(args, incomplete)
        return [CompletionItem(item.value.removeprefix(prefix), item.type, item.help) for item in found]

    def format_completion(self, item: CompletionItem[Any]) -> str:
        """As the script reads it."""
        return f"{item.type},{item.value}"


_HOW = """\b
bash: eval "$(wpkg completion bash)"       in ~/.bashrc
zsh:  eval "$(wpkg completion zsh)"        in ~/.zshrc, after compinit
fish: wpkg completion fish > ~/.config/fish/completions/wpkg.fish"""
_SHELLS: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}
add_completion_class(BashComplete)


@command(epilog=_HOW)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
def completion(session: Session, shell: str) -> None:
    """Print the script that teaches a shell to complete wpkg's commands, options and package names."""
    root = click.get_current_context().find_root().command
    script = _SHELLS[shell](root, {}, "wpkg", COMPLETE_VARIABLE).source()
    session.console.result("completion", {"shell": shell, "script": script}, script.rstrip("\n").split("\n"))
