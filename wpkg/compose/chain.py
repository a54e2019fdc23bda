"""Chains: middleware in which every link imports and exports the same interface.

`[composition] chain = ["acme:auth", "acme:log"]`, the outermost first. A chain is nothing but choices
(`wpkg.names.choice`): each link gets the interface from the next, the last from the component that exports it and
is no link, and whoever else imports it gets it from the first. Where nobody does, the first link is the root.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from wpkg.compose.errors import AmbiguousImport
from wpkg.compose.match import HOST, exported_interface, importable, imported_interface
from wpkg.errors import CompositionError
from wpkg.names.choice import Choice
from wpkg.names.extern_name import track_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wpkg.compose.graph import Node


class NoChain(CompositionError):
    """What is called a chain is none."""


def chain_choices(
    nodes: Sequence[Node], chain: Sequence[str], choices: Sequence[Choice], root: str | None
) -> tuple[list[Choice], str | None]:
    """`choices` and those that make the chain, and the root. Raises: NoChain, AmbiguousImport."""
    links = _links(nodes, chain)
    passed = _passed_on(links)
    made: list[Choice] = []
    is_used = False
    for track in passed:
        for one, other in pairwise(links):
            made.append(Choice(one.name, _import(one, track), other.name, _export(other, track)))
        last, first = links[-1], links[0]
        ends = [node for node in nodes if node not in links and track in _exports(node)]
        if not _is_chosen(choices, last.name, _import(last, track)):
            if len(ends) > 1:
                raise AmbiguousImport(last.name, _import(last, track), [node.name for node in ends])
            end, export = (ends[0].name, _export(ends[0], track)) if ends else (HOST, None)
            made.append(Choice(last.name, _import(last, track), end, export))
        for node in nodes:
            if node in links or node in ends or track not in _imports(node):
                continue
            is_used = True
            if not _is_chosen(choices, node.name, _import(node, track)):
                made.append(Choice(node.name, _import(node, track), first.name, _export(first, track)))
    return [*choices, *made], root if root is not None or is_used else links[0].name


def _links(nodes: Sequence[Node], chain: Sequence[str]) -> list[Node]:
    by_name = {node.name: node for node in nodes}
    for name, count in Counter(chain).items():
        if name not in by_name:
            raise NoChain(
                f"'{name}' is in the chain, and is not among the components",
                hint=f"the components are {', '.join(by_name)}",
            )
        if count > 1:
            raise NoChain(
                f"'{name}' is in the chain twice",
                hint="give it a second name in [composition.instances], and put that into the chain",
            )
    return [by_name[name] for name in chain]


def _passed_on(links: Sequence[Node]) -> list[str]:
    """What all links import and export, on its semver track, in the order of the first one's imports."""
    first = links[0]
    found = [track for track in _imports(first) if track in _exports(first)]
    if not found:
        raise NoChain(
            f"'{first.name}' is in the chain, and exports nothing that it imports",
            hint=f"it imports {_listed(first.component.imports)} and exports {_listed(first.component.exports)}",
        )
    left = found
    for link in links[1:]:
        left = [track for track in left if track in _imports(link) and track in _exports(link)]
        if not left:
            what = next((t for t in found if t in _imports(link) or t in _exports(link)), found[0])
            missing = "export" if what in _imports(link) else "import"
            raise NoChain(
                f"'{link.name}' is in the chain, and does not {missing} '{_import(first, what)}', "
                f"which '{first.name}' passes on",
                hint=f"it imports {_listed(link.component.imports)} and exports {_listed(link.component.exports)}",
            )
    return left


def _imports(node: Node) -> dict[str, str]:
    """The imports that can be satisfied: track -> name."""
    return {track_key(imported_interface(node, name) or name): name for name in importable(node)}


def _exports(node: Node) -> dict[str, str]:
    return {track_key(exported_interface(node, name) or name): name for name in node.component.exports}


def _import(node: Node, track: str) -> str:
    return _imports(node)[track]


def _export(node: Node, track: str) -> str:
    return _exports(node)[track]


def _is_chosen(choices: Sequence[Choice], importer: str, name: str) -> bool:
    """Whether a person has decided it already."""
    return any(choice.importer in (importer, None) and choice.name == name for choice in choices)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names) or "nothing"
