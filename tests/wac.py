"""Documents composed in tests: components by the names of packages, and the bytes that come out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.components import node, wasm_tools, written
from wpkg.compose.encode import encode
from wpkg.wac.emit import emit_document
from wpkg.wac.evaluate import evaluate, plan_document
from wpkg.wac.interfaces import state_imports
from wpkg.wac.needs import instances_of
from wpkg.wac.parser import parse_document
from wpkg.wac.printer import print_document
from wpkg.wit.errors import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wpkg.compose.graph import Plan


def document_plan(text: str, packages: Mapping[str, bytes], wit: Sequence[str] = ()) -> Plan:
    """The plan that a document is; `packages` are components, `wit` the texts of WIT packages."""
    document = parse_document(Source("app.wac", text))
    nodes = {
        instance.name: replace(node(name, packages[name]), name=instance.name)
        for instance in instances_of(document)
        for name in [str(instance.new.package)]
    }
    given = [(Source(f"deps/d{i}.wit", each),) for i, each in enumerate(wit)]
    return plan_document(evaluate(document, nodes, state_imports(document, given)))


def compose_document(text: str, packages: Mapping[str, bytes], wit: Sequence[str] = ()) -> bytes:
    """The component that a document makes, validated by wasm-tools."""
    data = _bytes_of(text, packages, wit)
    wasm_tools("validate", "--features", "all", data=data)
    return data


def _bytes_of(text: str, packages: Mapping[str, bytes], wit: Sequence[str] = ()) -> bytes:
    plan = document_plan(text, packages, wit)
    instances = instances_of(parse_document(Source("app.wac", text)))
    components = {instance.name: packages[str(instance.new.package)] for instance in instances}
    return written(encode(plan), components)


def emitted(plan: Plan, components: Mapping[str, bytes]) -> tuple[str, dict[str, bytes]]:
    """A plan as the text of a document, and the components of its packages."""
    made = emit_document(plan)
    return print_document(made.document), {package: components[name] for package, name in made.packages.items()}


def check_emitted(plan: Plan, components: Mapping[str, bytes], data: bytes) -> None:
    """The plan, emitted as a document and composed again, makes the same bytes."""
    text, packages = emitted(plan, components)
    assert _bytes_of(text, packages) == data, text
