"""Compositions to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components import from_wit, node
from wpkg.compose.plan import make_plan
from wpkg.diagram.model import ComponentBox, Diagram, Edge, Export, HostImport, Interface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wpkg.compose.graph import Node, Plan

LIB = """package ns:lib@1.0.0;
interface types { resource r { get: func() -> string; } }
interface left { use types.{r}; f: func() -> r; }
interface right { use types.{r}; f: func(x: r); }
interface user { use types.{r}; go: func() -> r; }
"""
IO = """package wasi:io@0.2.6;
interface error { f: func(); } interface poll { f: func(); } interface streams { f: func(); }
"""
CLI = "package wasi:cli@0.2.6; interface stdout { f: func(); }"
LONG = f"{'very-' * 20}long"
LONG_LIB = f"package {LONG}:{LONG}@1.0.0-{'rc.' * 20}1;\n" + "\n".join(
    f"interface {LONG}-i{i} {{ f: func(); }}" for i in range(9)
)
EVIL = "\"]<b onload=x><script>alert(1)&amp;'`#%%{init}\\\u202e\x1b\udcff]]>-->.wasm"


def lib(name: str) -> str:
    return f"ns:lib/{name}@1.0.0"


def long(i: int) -> str:
    return f"{LONG}:{LONG}/{LONG}-i{i}@1.0.0-{'rc.' * 20}1"


def pair_nodes() -> list[Node]:
    """Two that share imports of the host, one of which has one of its own."""
    harness = from_wit(
        "import wasi:io/error@0.2.6; import wasi:io/streams@0.2.6; import wasi:cli/stdout@0.2.6; "
        f"import {lib('types')}; export run: func(); export wasi:io/poll@0.2.6;",
        LIB,
        IO,
        CLI,
    )
    types = from_wit(
        f"import wasi:io/error@0.2.6; import wasi:io/streams@0.2.6; export {lib('types')};", LIB, IO, CLI
    )
    return [node("acme:harness@1.2.0-rc.1", harness), node("acme:types", types)]


def pair() -> Plan:
    return make_plan(pair_nodes())


def diamond_nodes() -> list[Node]:
    """Two that speak of one resource, whose interface is exported again; and one that is not needed."""
    root = from_wit(f"import {lib('left')}; import {lib('right')}; export {lib('user')};", LIB)
    left = from_wit(f"import wasi:io/poll@0.2.6; export {lib('left')};", LIB, IO)
    return [
        node("root", root),
        node("left", left),
        node("right", from_wit(f"export {lib('right')};", LIB)),
        node("types", from_wit(f"export {lib('types')};", LIB)),
        node("idle", from_wit("export other: func();")),
    ]


def diamond() -> Plan:
    return make_plan(diamond_nodes(), root="root")


def alone() -> Plan:
    return make_plan([node("alone.wasm", from_wit(""))])


def long_names() -> Plan:
    """Names that no box can hold, and one that must not get out of its string."""
    imports = " ".join(f"import {long(i)};" for i in range(9))
    exports = " ".join(f"export {long(i)};" for i in range(8))
    return make_plan(
        [
            node(f"{LONG}:{LONG}@1.0.0-{'alpha.' * 20}1", from_wit(f"{imports} export run: func();", LONG_LIB)),
            node(EVIL, from_wit(exports, LONG_LIB)),
        ]
    )


def generated(links: Sequence[tuple[int, int]], count: int, hosts: int, exports: int) -> Diagram:
    """A diagram of `count` components in which lower ones import from higher ones."""
    boxes = tuple(
        ComponentBox(
            f"c{i}", f"shop:{'x' * (i * 7 % 31)}{i}", "1.0.0" if i % 3 else None, f"sha256:{i:064}", 10**i
        )
        for i in range(count)
    )
    names = [[f"p:q{k}/i{k * j}@1.0.0" for k in range(1, 1 + (i + j) % 6)] or ["f"] for i, j in links]
    edges = tuple(
        Edge(f"c{i}", f"c{j}", tuple(Interface(n, n) for n in name))
        for (i, j), name in zip(links, names, strict=True)
    )
    host = tuple(
        HostImport(f"wasi:h{h}/x@0.2.0", tuple((f"c{i}", "x") for i in range(count) if (i + 1) * (h + 2) % 3))
        for h in range(hosts)
    )
    exported = tuple(Export(f"e:e/i{i}", f"c{i}") for i in range(min(exports, count)))
    return Diagram(boxes, edges, tuple(h for h in host if h.importers), exported, (), ())
