"""`wpkg inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.options import option
from wpkg.cli.session import command
from wpkg.cli.suggest import files_or_references
from wpkg.errors import InvalidInput
from wpkg.names.amount import size_text
from wpkg.trust.identity import describe_signer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.cli.session import Session
    from wpkg.component.nesting import Contents
    from wpkg.oci.artifact import RecordedLink
    from wpkg.oci.digest import Digest
    from wpkg.workflow.inspect import Inspected


@command()
@click.argument("subject", metavar="FILE|REFERENCE", shell_complete=files_or_references)
@option("--wit", "only_wit", is_flag=True, help="Print the WIT and nothing else.")
@option("--tree", is_flag=True, help="Show which component sits in which, with digests.")
def inspect(session: Session, subject: str, *, only_wit: bool, tree: bool) -> None:
    """Show what a component or WIT package is: digest, package, WIT; who says to have signed what is published.

    The subject is a file, ns:name@version by [registries] of this project, or a reference.
    """
    from wpkg.workflow.inspect import Asked
    from wpkg.workflow.inspect import inspect as inspect_component

    if only_wit and tree:
        raise InvalidInput("--wit and --tree do not go together")
    asked = Asked(identity=session.console.as_json or not (only_wit or tree), tree=tree)
    found = inspect_component(session.world, session.root, subject, asked)
    if only_wit and not session.console.as_json:
        for note in found.wit.notes:
            session.console.warn(f"not in the WIT: {note}")
    lines = list(_tree(found)) if tree else _wit(found) if only_wit else _lines(found)
    session.console.result("inspect", _json(found), lines)


def _json(found: Inspected) -> dict[str, Any]:
    members: dict[str, Any] = {
        "subject": found.subject,
        "component": str(found.digest) if found.digest is not None else None,
        "size": found.size,
        "kind": found.kind,
        "imports": [{"name": extern.name, "type": extern.what} for extern in found.imports],
        "exports": [{"name": extern.name, "type": extern.what} for extern in found.exports],
        "wit": found.wit.text,
        "not-in-wit": list(found.wit.notes),
    }
    if found.release is not None:
        record = found.release.config.record
        members["package"] = record.to_json() if record is not None else None
        members["claims"] = [
            {"referrer": str(c.referrer), "predicate": c.predicate_type, "key": c.hint} for c in found.claims or ()
        ]
    if found.requests is not None:
        members["capabilities"] = [request.to_json() for request in found.requests]
    if found.tree is not None:
        members["tree"] = _tree_json(found.tree)
    return members


def _tree_json(contents: Contents[Digest]) -> dict[str, Any]:
    return {
        "name": contents.name,
        "digest": str(contents.digest),
        "size": contents.size,
        "modules": {"count": contents.modules, "size": contents.module_size},
        "components": [_tree_json(inner) for inner in contents.components],
        "hidden": contents.hidden,
    }


def _wit(found: Inspected) -> list[str]:
    return found.wit.text.removesuffix("\n").split("\n")


def _lines(found: Inspected) -> list[str]:
    what = "WIT package" if found.kind == "wit" else "component"
    lines = [found.subject, f"{what} {found.digest}, {size_text(found.size)}"]
    if found.release is not None:
        record = found.release.config.record
        lines.append(
            f"package {record.package} {record.version} ({record.kind})"
            if record is not None
            else "no wpkg record"
        )
        needed = record.dependencies if record is not None else ()
        lines += [f"needs {d.name} {d.requirement} ({d.link})" for d in needed]
        asks = record.asks if record is not None else ()
        lines += [f"linked at run time: {ask.name} to {_linked(link)}" for ask in asks for link in ask.links]
    if found.claims is not None:
        lines.append("claims, not verified:" if found.claims else "no signatures")
        lines += [f"  {claim.predicate_type} by {describe_signer(claim.hint)}" for claim in found.claims]
    if found.requests is not None:
        lines += [f"{'allowed' if r.verdict.is_allowed else 'not allowed'}: {r}" for r in found.requests]
    lines += ["", *_wit(found)]
    if found.wit.notes:
        lines += ["", "not in the WIT:", *(f"  {note}" for note in found.wit.notes)]
    return lines


def _linked(link: RecordedLink) -> str:
    name = f", by the name {link.name}" if link.name is not None else ""
    return f"{link.dependency}{name}" + (
        f", which is the service {link.target}" if link.target is not None else ""
    )


def _tree(found: Inspected) -> Iterator[str]:
    if found.tree is not None:
        yield from _branch(found.tree, found.subject, "", "")


def _branch(contents: Contents[Digest], name: str, first: str, others: str) -> Iterator[str]:
    """A component under `name`, its line after `first`, the lines of what is in it after `others`."""
    plural = "" if contents.modules == 1 else "s"
    size = size_text(contents.size)
    modules = f", {contents.modules} core module{plural} of {size_text(contents.module_size)}"
    yield f"{first}{name}  {contents.digest}  {size}{modules if contents.modules else ''}"
    for i, inner in enumerate(contents.components):
        is_last = i == len(contents.components) - 1
        branch, below = ("└── ", "    ") if is_last else ("├── ", "│   ")
        yield from _branch(inner, inner.name or "(no name)", others + branch, others + below)
    if contents.hidden:
        yield f"{others}└── … {contents.hidden} more, nested deeper"
