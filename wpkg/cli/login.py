"""`wpkg login`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.errors import InvalidInput

if TYPE_CHECKING:
    from wpkg.cli.session import Session

MAX_PASSWORD = 64 * 1024  # bytes; tokens can be long


@command()
@click.argument("registry")
@option("-u", "--username", help="Who; asked for where it is not given.")
@option("--password-stdin", is_flag=True, help="Read the password from stdin.")
def login(session: Session, registry: str, username: str | None, password_stdin: bool) -> None:  # noqa: FBT001
    """Keep a password for REGISTRY (host or host:port), after the registry has accepted it.

    It goes where docker, podman and oras keep theirs: a credential helper, or a file that only you can read. A
    password is never an argument: it is asked for, or read from stdin.
    """
    from wpkg.registry.client import check_login
    from wpkg.registry.errors import Offline
    from wpkg.workflow.login import login as log_in

    if session.offline:
        raise Offline(f"whether {registry} accepts the password")
    user = username if username is not None else session.ask_text("User name")
    password = _piped() if password_stdin else session.ask_secret("Password", hint="use --password-stdin")
    done = log_in(session.world, registry, user, password, check_login)
    session.console.result(
        "login",
        {"registry": done.registry, "user": done.user, "place": done.place},
        [f"logged in to {done.registry} as {done.user}"],
    )


def _piped() -> str:
    """The password on stdin, without the end of its line. Raises: InvalidInput."""
    data = sys.stdin.buffer.read(MAX_PASSWORD + 1)
    try:
        password = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise InvalidInput("the password on stdin is not UTF-8 text") from None
    if not password or len(data) > MAX_PASSWORD or not password.isprintable():
        raise InvalidInput("a password of one line is needed on stdin")
    return password
