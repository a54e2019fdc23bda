"""`wpkg call`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.run import grant_options, let_interrupts_through, warn_of_what_is_missing, wishes
from wpkg.cli.session import command
from wpkg.cli.suggest import files

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("words", nargs=-1, required=True, metavar="[COMPONENT] FUNCTION [ARGUMENTS]", shell_complete=files)
@grant_options
def call(session: Session, words: tuple[str, ...], **options: Any) -> None:
    """Call a function that a component exports; without COMPONENT, of what the project here has built.

    FUNCTION is 'ns:pkg/interface#function', or the function alone where one has the name. ARGUMENTS are a JSON
    list. What it returns is printed as JSON, what the component prints goes to stderr. Needs the extra wpkg[run].
    """
    import json

    from wpkg.workflow.call import call as call_function
    from wpkg.workflow.run import find_subject

    let_interrupts_through()
    component = Path(words[0]) if len(words) > 1 and _is_file(words[0]) else None
    function, *rest = words if component is None else words[1:]
    if len(rest) > 1:
        raise click.UsageError("say COMPONENT FUNCTION ARGUMENTS, and the arguments as one JSON list")
    subject = find_subject(session.root, component, wishes(options))
    warn_of_what_is_missing(session, subject)
    called = call_function(subject, function, *rest)
    members = {"function": str(called.function), "result": called.result}
    returns = called.function.type.result is not None
    lines = [json.dumps(called.result, ensure_ascii=False)] if returns else []
    session.console.result("call", members, lines)


def _is_file(word: str) -> bool:
    return Path(word).exists() or word.endswith(".wasm")
