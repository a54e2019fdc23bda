from __future__ import annotations

import itertools
import json

import pytest

from tests.components import from_wit, node
from tests.unit.diagram import plans
from wpkg.compose.plan import make_plan
from wpkg.diagram.document import document_of
from wpkg.diagram.model import PackageGroup, diagram_of, drawable, grouped


def labels(*names: str) -> list[str]:
    root = from_wit(" ".join(f"import f{i}: func();" for i in range(1, len(names))) + " export run: func();")
    others = [node(name, from_wit(f"export f{i}: func();")) for i, name in enumerate(names) if i]
    by_name = {c.name: c.label for c in diagram_of(make_plan([node(names[0], root), *others])).components}
    return [by_name[name] for name in names]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("/home/me/app.wasm", "../dep.wasm"), ["app", "dep"]),
        (("a/build/x.wasm", "b/build/x.wasm"), ["a/build/x", "b/build/x"]),
        (("x.wasm", "a/x.wasm"), ["x", "a/x"]),
        (("x", "x.wasm"), ["x", "x.wasm"]),
        (("ns:app", "ns:dep"), ["ns:app", "ns:dep"]),
        ((".wasm", "y"), [".wasm", "y"]),
    ],
)
def test_of_a_path_only_what_tells_it_from_the_others_is_shown(
    names: tuple[str, ...], expected: list[str]
) -> None:
    assert labels(*names) == expected


def test_versions_come_from_the_name_else_from_the_caller() -> None:
    diagram = diagram_of(plans.pair(), {"acme:types": "0.3.0", "acme:harness@1.2.0-rc.1": "9.9.9"})
    assert [(c.label, c.version) for c in diagram.components] == [
        ("acme:harness", "1.2.0-rc.1"),
        ("acme:types", "0.3.0"),
    ]
    assert labels("a@b.wasm", "@1.0.0") == ["a@b", "@1.0.0"]


def test_names_are_grouped_by_package_and_plain_ones_come_last() -> None:
    names = ["run", "wasi:io/poll@0.2.6", "a:b/c", "wasi:io/error@0.2.6", "wasi:io/error@0.2.5", "url=<x>"]
    assert grouped(names) == (
        PackageGroup("a:b", ("c",)),
        PackageGroup("wasi:io@0.2.5", ("error",)),
        PackageGroup("wasi:io@0.2.6", ("error", "poll")),
        PackageGroup(None, ("run", "url=<x>")),
    )


def test_what_the_same_components_import_from_the_host_is_one_block() -> None:
    blocks = diagram_of(plans.pair()).host_blocks
    assert [(b.importers, [g.text for g in b.groups]) for b in blocks] == [
        (("acme:harness@1.2.0-rc.1", "acme:types"), ["wasi:io@0.2.6: error, streams"]),
        (("acme:harness@1.2.0-rc.1",), ["wasi:cli@0.2.6: stdout"]),
    ]


def test_where_everyone_imports_something_else_there_is_one_block_for_all() -> None:
    links = [(0, i) for i in range(1, 6)]
    diagram = plans.generated(links, 6, 0, 0)
    from wpkg.diagram.model import Diagram, HostImport

    def with_hosts(count: int) -> Diagram:
        host = tuple(HostImport(f"h:h/i{i}", ((f"c{i}", f"h:h/i{i}"),)) for i in range(count))
        return Diagram(diagram.components, diagram.edges, host, (), (), ())

    assert [len(with_hosts(count).host_blocks) for count in (4, 5)] == [4, 1]
    (block,) = with_hosts(5).host_blocks
    assert block.importers == ("c0", "c1", "c2", "c3", "c4")
    assert block.groups == (PackageGroup("h:h", ("i0", "i1", "i2", "i3", "i4")),)


def test_exports_of_others_are_told_from_the_roots() -> None:
    diagram = diagram_of(plans.diamond())
    assert [(b.component, [g.text for g in b.groups]) for b in diagram.export_blocks] == [
        ("root", ["ns:lib@1.0.0: user"]),
        ("types", ["ns:lib@1.0.0: types"]),
    ]
    assert diagram.unused == (("idle", "idle"),)


def test_an_export_of_another_version_is_said() -> None:
    old = "package v:lib@0.2.0; interface a { f: func(); }"
    new = "package v:lib@0.2.3; interface a { f: func(); }"
    nodes = [
        node("root", from_wit("import v:lib/a@0.2.0; export run: func();", old)),
        node("new", from_wit("export v:lib/a@0.2.3;", new)),
    ]
    (edge,) = diagram_of(make_plan(nodes)).edges
    assert edge.text == "v:lib/a@0.2.0 (exported as v:lib/a@0.2.3)"


def test_what_cannot_be_drawn_is_replaced() -> None:
    assert drawable("a\x00b\nc\u202ed\ud800e日本🎉 ") == "a�b�c�d�e日本🎉 "


def test_the_document_holds_names_in_full_whatever_the_order() -> None:
    documents = {
        document_of(diagram_of(make_plan(order, root="root")))
        for order in itertools.permutations(plans.diamond_nodes())
    }
    (text,) = documents
    document = json.loads(text)
    assert document["schema"] == "wpkg.graph/1"
    assert document["root"] == "root"
    assert [c["name"] for c in document["components"]] == ["root", "left", "right", "types"]
    assert document["connections"][0] == {
        "importer": "root",
        "exporter": "left",
        "interfaces": [{"import": "ns:lib/left@1.0.0", "export": "ns:lib/left@1.0.0"}],
    }
    assert document["host-imports"] == [
        {"name": "wasi:io/poll@0.2.6", "importers": [{"component": "left", "import": "wasi:io/poll@0.2.6"}]}
    ]
    assert document["exports"][-1] == {"name": "ns:lib/types@1.0.0", "component": "types"}
    assert document["unused"] == ["idle"]
