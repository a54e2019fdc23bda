"""The graph, read by a strict grammar of what is written; tests/interop has Graphviz read it."""

from __future__ import annotations

import itertools
import re

import pytest

from tests.unit.diagram import plans
from wpkg.compose.plan import make_plan
from wpkg.diagram.dot import dot_of
from wpkg.diagram.model import diagram_of

TEXT = r'"((?:[^"\\\n]|\\["\\n])*)"'
ATTRIBUTE = rf"(\w+)=(?:{TEXT}|[\w.]+)"
STATEMENT = re.compile(
    rf"digraph composition {{|  subgraph cluster_(?:composition|host) {{|    label={TEXT}(?:; style=dashed)?|\s*}}"
    rf"|\s+(graph|node|edge|[ceh]\d+(?: -> [ceh]\d+)?)(?: \[({ATTRIBUTE}(?:, {ATTRIBUTE})*)\])?"
)
ALL = [plans.alone, plans.pair, plans.diamond, plans.long_names]


def read(text: str) -> dict[str, dict[str, str]]:
    """The attributes of each node (`c0`) and edge (`c0 -> c1`)."""
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        statement = STATEMENT.fullmatch(line)
        assert statement, line
        if (name := statement[2]) is not None and name not in ("graph", "node", "edge"):
            assert name not in found
            assert set(name.split(" -> ")) <= {*found, name}
            found[name] = {k: plain(v) for k, v in re.findall(ATTRIBUTE, statement[3] or "")}
    assert text.count("{\n") == text.count("}\n")
    return found


def plain(text: str) -> str:
    assert not re.search("&(?!amp;)", text)
    return re.sub(r"\\(.)", lambda escape: "\n" if escape[1] == "n" else escape[1], text).replace("&amp;", "&")


def test_everything_of_a_composition_is_there() -> None:
    graph = read(dot_of(diagram_of(plans.pair()).without_digests()))
    assert {name: attributes.get("label") for name, attributes in graph.items()} == {
        "e0": "wasi:io@0.2.6: poll\nrun",
        "c0": "acme:harness\n1.2.0-rc.1",
        "c1": "acme:types",
        "h0": "wasi:io@0.2.6: error, streams",
        "h1": "wasi:cli@0.2.6: stdout",
        "e0 -> c0": None,
        "c0 -> c1": "ns:lib@1.0.0: types",
        "c0 -> h0": None,
        "c1 -> h0": None,
        "c0 -> h1": None,
    }
    assert graph["c0 -> c1"]["edgetooltip"] == "ns:lib/types@1.0.0"
    assert graph["c0"]["tooltip"] == "acme:harness@1.2.0-rc.1"


def test_names_from_outside_stay_text() -> None:
    graph = read(dot_of(diagram_of(plans.long_names()).without_digests()))
    assert graph["c1"]["label"] == "\"]<b onload=x><script>alert(1)&amp;'`#%%{init}\\\ufffd\ufffd\ufffd]]>-->"


@pytest.mark.parametrize("plan", ALL)
def test_it_can_be_read(plan: object) -> None:
    read(dot_of(diagram_of(plan())))  # type: ignore[operator]


def test_the_order_in_which_components_are_given_has_no_say() -> None:
    nodes = plans.diamond_nodes()
    assert len({dot_of(diagram_of(make_plan(o, root="root"))) for o in itertools.permutations(nodes)}) == 1
