"""`wpkg init`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from wpkg.cli.session import Session


@command()
@click.argument("package", required=False, metavar="[NS:NAME]")
@option("--language", default="python", show_default=True, help="What the component is written in.")
def init(session: Session, package: str | None, language: str) -> None:
    """Start a project: write a wasmcloud.toml into this folder (or -C DIR)."""
    from wpkg.workflow.init import init as start

    path = start(Path(), package, language)
    session.console.result("init", {"file": str(path)}, [f"wrote {path}"])
