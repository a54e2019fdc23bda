"""The flowchart, read by a strict grammar of the few statements that are written (mermaid 11 reads them, too)."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.unit.diagram import plans
from wpkg.compose.plan import make_plan
from wpkg.diagram.mermaid import mermaid_of
from wpkg.diagram.model import diagram_of

TEXT = r'"((?:[^"#<>&`\n]|#\d+;|<br/>)*)"'  # quoted; beside numbers of characters and line breaks no mark-up
NODE = re.compile(rf"\s+([ceh]\d+)(?:\[{TEXT}\]|\(\[{TEXT}\]\))")
EDGE = re.compile(rf"\s+([ceh]\d+) (-->|-\.->)(?:\|{TEXT}\|)? ([ceh]\d+)")
OTHER = re.compile(rf"flowchart TB|\s+subgraph (composition|host)\[{TEXT}\]|\s+end|\s+style c0 stroke-width:3px")


def read(text: str) -> tuple[dict[str, str], list[tuple[str, str, str | None, str]]]:
    """The nodes with their texts, and the edges: from, arrow, text, to."""
    nodes: dict[str, str] = {}
    edges = []
    assert text.endswith("\n")
    for line in text.splitlines():
        if found := NODE.fullmatch(line):
            assert found[1] not in nodes
            nodes[found[1]] = plain(found[2] if found[2] is not None else found[3])
        elif found := EDGE.fullmatch(line):
            assert {found[1], found[4]} <= set(nodes)
            edges.append((found[1], found[2], None if found[3] is None else plain(found[3]), found[4]))
        else:
            assert OTHER.fullmatch(line), line
    assert text.count("subgraph") == len(re.findall(r"^  end$", text, re.MULTILINE))
    return nodes, edges


def plain(text: str) -> str:
    return re.sub(r"#(\d+);", lambda code: chr(int(code[1])), text.replace("<br/>", "\n"))


def test_everything_of_a_composition_is_there() -> None:
    nodes, edges = read(mermaid_of(diagram_of(plans.pair()).without_digests()))
    assert nodes == {
        "e0": "wasi:io@0.2.6: poll\nrun",
        "c0": "acme:harness\n1.2.0-rc.1",
        "c1": "acme:types",
        "h0": "wasi:io@0.2.6: error, streams",
        "h1": "wasi:cli@0.2.6: stdout",
    }
    assert edges == [
        ("e0", "-->", None, "c0"),
        ("c0", "-->", "ns:lib@1.0.0: types", "c1"),
        ("c0", "-->", None, "h0"),
        ("c1", "-->", None, "h0"),
        ("c0", "-->", None, "h1"),
    ]


def test_what_is_exported_again_is_dotted() -> None:
    _, edges = read(mermaid_of(diagram_of(plans.diamond())))
    assert [(a, arrow, b) for a, arrow, _, b in edges if a[0] == "e"] == [
        ("e0", "-->", "c0"),
        ("e1", "-.->", "c3"),
    ]


def test_names_from_outside_stay_text() -> None:
    nodes, _ = read(mermaid_of(diagram_of(plans.long_names()).without_digests()))
    assert nodes["c1"] == "\"]<b onload=x><script>alert(1)&amp;'`#%%{init}\\\ufffd\ufffd\ufffd]]>-->"


@pytest.mark.parametrize("plan", [plans.alone, plans.pair, plans.diamond, plans.long_names])
def test_it_can_be_read(plan: object) -> None:
    read(mermaid_of(diagram_of(plan())))  # type: ignore[operator]


def test_the_order_in_which_components_are_given_has_no_say() -> None:
    nodes = plans.diamond_nodes()
    assert len({mermaid_of(diagram_of(make_plan(o, root="root"))) for o in itertools.permutations(nodes)}) == 1
