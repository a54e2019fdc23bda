"""`wpkg search`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from wpkg.cli.options import option
from wpkg.cli.session import command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wpkg.cli.session import Session
    from wpkg.workflow.search import FoundPackage, Search


@command()
@click.argument("words", nargs=-1, metavar="[TEXT]...")
@option("--exports", multiple=True, metavar="INTERFACE", help="What it exports: ns:package/name[@version].")
@option("--imports", multiple=True, metavar="INTERFACE", help="What it imports, likewise.")
@option("--registry", metavar="HOST", help="Registry to search, by default the one of this project.")
def search(
    session: Session,
    words: tuple[str, ...],
    exports: tuple[str, ...],
    imports: tuple[str, ...],
    registry: str | None,
) -> None:
    """Find components by what they import and export, and by words in names and descriptions.

    A version finds everything on its semver track, ns:package every interface of a package. Works with
    registry-shim.
    """
    from wpkg.workflow.search import Search
    from wpkg.workflow.search import search as search_registry

    wanted = Search(exports, imports, words)
    searched = search_registry(session.world, session.root, wanted, registry)
    if not searched.is_whole:
        session.console.warn("there is more; ask for something narrower")
    if not searched.found:
        session.console.status("Found", f"nothing in {searched.registry}")
    members = {
        "registry": searched.registry,
        "complete": searched.is_whole,
        "results": [_json(item, wanted) for item in searched.found],
    }
    lines = [line for item in searched.found for line in _lines(item, wanted)]
    session.console.result("search", members, lines)


def _json(found: FoundPackage, wanted: Search) -> dict[str, Any]:
    return {
        "repository": found.repository,
        "package": found.package,
        "description": found.description,
        "versions": [
            {"tag": v.tag, "version": v.version, "kind": v.kind, "digest": v.digest, "size": v.size}
            for v in found.versions
        ],
        "imports": list(found.imports),
        "exports": list(found.exports),
        "matches": {
            "imports": wanted.matching(found.imports, wanted.imports),
            "exports": wanted.matching(found.exports, wanted.exports),
        },
    }


def _lines(found: FoundPackage, wanted: Search) -> Iterator[str]:
    best, *others = found.versions
    yield f"{found.package or found.repository} {best.version or best.tag} ({best.kind or 'no component'})"
    yield f"  {found.repository}:{best.tag}"
    if found.description:
        yield f"  {found.description.splitlines()[0]}"
    yield from (f"  exports {name}" for name in wanted.matching(found.exports, wanted.exports))
    yield from (f"  imports {name}" for name in wanted.matching(found.imports, wanted.imports))
    if others:
        yield f"  also {', '.join(version.tag for version in others)}"
