"""Graphviz reads what `wpkg graph --format dot` writes."""

from __future__ import annotations

import subprocess

import pytest

from tests.interop.conftest import peer
from tests.unit.diagram import plans
from wpkg.diagram.dot import dot_of
from wpkg.diagram.model import diagram_of

pytestmark = pytest.mark.interop


@pytest.mark.parametrize(
    ("plan", "nodes", "edges"),
    [(plans.alone, 1, 0), (plans.pair, 5, 5), (plans.diamond, 7, 8), (plans.long_names, 4, 3)],
)
def test_graphviz_draws_every_node_and_edge(plan: object, nodes: int, edges: int) -> None:
    text = dot_of(diagram_of(plan()))  # type: ignore[operator]
    done = subprocess.run([peer("graphviz"), "-Tplain"], input=text.encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    drawn = [line.split()[0] for line in done.stdout.decode().splitlines()]
    assert (drawn.count("node"), drawn.count("edge")) == (nodes, edges)
