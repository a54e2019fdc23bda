"""What is linked at run time: who serves which import, and what is refused."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.components import from_wit, node
from wpkg.compose.links import AmbiguousLink, Contract, LinkMismatch, LinkToNothing, NoSuchInterface, link_plan
from wpkg.compose.plan import make_plan
from wpkg.diagram.document import document_of
from wpkg.diagram.dot import dot_of
from wpkg.diagram.mermaid import mermaid_of
from wpkg.diagram.model import diagram_of
from wpkg.diagram.svg import svg_of
from wpkg.names.interface_pattern import InterfacePattern

BILLING = """package acme:billing@2.1.0;
interface types { record bill { id: string, amount: u64 } }
interface charge { use types.{bill}; charge: func(b: bill) -> bool; }
interface refund { refund: func(id: string) -> bool; }
"""
OLDER = BILLING.replace("2.1.0", "2.0.0")
OTHER_TYPE = BILLING.replace("amount: u64", "amount: u32")
IO = "package sys:io@0.2.0; interface streams { resource output; write: func(s: borrow<output>); }"
SINK = "package acme:sink@1.0.0; interface sink { use sys:io/streams@0.2.0.{output}; drain: func(o: output); }"
TWO = """package acme:two@1.0.0;
interface made { resource thing; make: func() -> thing; } interface used { use made.{thing}; apply: func(t: thing); }
"""


def contract(world: str, *packages: str, name: str = "acme:service", **attributes: object) -> Contract:
    given = Contract(node(name, from_wit(world, *packages)), "2.1.0")
    return replace(given, **attributes)


APP = from_wit("import acme:billing/charge@2.0.0; import log: func(s: string); export run: func();", OLDER)
PLAN = make_plan([node("acme:app", APP)])


def test_what_fits_is_linked_and_no_longer_asked_of_the_host() -> None:
    plan = link_plan(PLAN, [contract("export acme:billing/charge@2.1.0;", BILLING, target="bill", link_name="eu")])
    [link] = plan.links
    assert (link.name, link.dependency, link.export) == (
        "acme:billing/charge@2.0.0",
        "acme:service",
        "acme:billing/charge@2.1.0",
    )
    assert (link.target, link.link_name) == ("bill", "eu")
    assert "acme:billing/charge@2.0.0" not in [residual.name for residual in plan.host_imports]
    assert "log" in [residual.name for residual in plan.host_imports]
    assert plan.residuals == PLAN.residuals


def test_an_export_of_a_lower_version_does_not_serve() -> None:
    app = make_plan([node("acme:app", from_wit("import acme:billing/charge@2.1.0; export run: func();", BILLING))])
    with pytest.raises(
        LinkToNothing, match="acme:service 2.1.0 is linked at run time, and nothing imports what it"
    ):
        link_plan(app, [contract("export acme:billing/charge@2.0.0;", OLDER)])


def test_a_link_to_nothing_says_what_both_sides_have() -> None:
    with pytest.raises(LinkToNothing) as caught:
        link_plan(PLAN, [contract("export acme:billing/refund@2.1.0;", BILLING)])
    assert caught.value.exit_code == 4
    assert caught.value.hint == (
        "it has acme:billing/refund@2.1.0; what is left to the host: "
        "acme:billing/types@2.0.0, acme:billing/charge@2.0.0, log"
    )


def test_what_only_a_dependency_links_may_serve_nothing() -> None:
    other = contract("export acme:billing/refund@2.1.0;", BILLING, is_direct=False)
    assert link_plan(PLAN, [other]).links == ()


def test_a_type_that_does_not_fit_is_refused_with_the_path_to_the_first_difference() -> None:
    with pytest.raises(LinkMismatch) as caught:
        link_plan(PLAN, [contract("export acme:billing/charge@2.1.0;", OTHER_TYPE)])
    assert str(caught.value) == (
        "acme:service 2.1.0 is linked at run time, and its 'acme:billing/types@2.1.0' does not fit import "
        "'acme:billing/types@2.0.0' of 'acme:app': bill → field 'amount': wanted u64, given u32"
    )
    other = BILLING.replace("charge: func(b: bill) -> bool", "charge: func(b: bill) -> u8")
    with pytest.raises(LinkMismatch, match="charge → result: wanted bool, given u8"):
        link_plan(PLAN, [contract("export acme:billing/charge@2.1.0;", other)])


def test_an_interface_that_a_wit_package_does_not_have_is_said() -> None:
    service = contract("export acme:billing/refund@2.1.0;", BILLING, name="acme:billing", package="acme:billing")
    with pytest.raises(NoSuchInterface, match="has no such interface") as caught:
        link_plan(PLAN, [service])
    assert caught.value.hint == "it has acme:billing/refund@2.1.0"
    earlier = contract(
        "export acme:billing/types@1.0.0; export acme:billing/charge@1.0.0;",
        BILLING.replace("2.1.0", "1.0.0"),
        package="acme:billing",
    )
    with pytest.raises(NoSuchInterface, match=r"has 'acme:billing/types@1.0.0': the versions are not compatible"):
        link_plan(PLAN, [earlier])


def test_two_links_to_one_import_need_names() -> None:
    one = contract("export acme:billing/charge@2.0.0;", OLDER, name="acme:one")
    two = contract("export acme:billing/charge@2.1.0;", BILLING, name="acme:two")
    with pytest.raises(AmbiguousLink) as caught:
        link_plan(PLAN, [one, two])
    assert str(caught.value) == (
        "acme:one 2.1.0 and acme:two 2.1.0 are both linked at run time to import 'acme:billing/charge@2.0.0', "
        "and neither has a name"
    )
    assert caught.value.hint is not None
    assert '"acme:two" = { …, link = "runtime", name = "second" }' in caught.value.hint
    with pytest.raises(AmbiguousLink, match="both are called 'eu'"):
        link_plan(PLAN, [replace(one, link_name="eu"), replace(two, link_name="eu")])
    plan = link_plan(PLAN, [replace(one, link_name="eu"), replace(two, link_name="us")])
    assert [(link.dependency, link.link_name) for link in plan.links] == [("acme:one", "eu"), ("acme:two", "us")]


def test_interfaces_say_which_link_is_for_which() -> None:
    app = make_plan(
        [
            node(
                "acme:app",
                from_wit(
                    "import acme:billing/charge@2.1.0; import acme:billing/refund@2.1.0; export run: func();",
                    BILLING,
                ),
            )
        ]
    )
    both = "export acme:billing/charge@2.1.0; export acme:billing/refund@2.1.0;"
    charge = (InterfacePattern.parse("acme:billing/charge"),)
    one = contract(both, BILLING, name="acme:one", interfaces=charge)
    two = contract(both, BILLING, name="acme:two", interfaces=(InterfacePattern.parse("acme:billing/refund"),))
    assert {(link.name, link.dependency) for link in link_plan(app, [one, two]).links} == {
        ("acme:billing/charge@2.1.0", "acme:one"),
        ("acme:billing/refund@2.1.0", "acme:two"),
    }
    with pytest.raises(
        LinkToNothing, match="is linked at run time for 'acme:billing/fees', which it does not have"
    ):
        link_plan(app, [replace(one, interfaces=(InterfacePattern.parse("acme:billing/fees"),))])


def test_the_host_s_resources_are_the_same_on_both_sides() -> None:
    app = make_plan([node("acme:app", from_wit("import acme:sink/sink@1.0.0; export run: func();", SINK, IO))])
    fits = contract("import sys:io/streams@0.2.0; export acme:sink/sink@1.0.0;", SINK, IO)
    assert [link.name for link in link_plan(app, [fits]).links] == ["acme:sink/sink@1.0.0"]


def test_resources_of_the_linked_component_are_its_own() -> None:
    app = make_plan(
        [
            node(
                "acme:app",
                from_wit("import acme:two/made@1.0.0; import acme:two/used@1.0.0; export run: func();", TWO),
            )
        ]
    )
    fits = contract("export acme:two/made@1.0.0; export acme:two/used@1.0.0;", TWO)
    assert len(link_plan(app, [fits]).links) == 2
    split = replace(fits, interfaces=(InterfacePattern.parse("acme:two/used"),))
    with pytest.raises(LinkMismatch, match="resource"):
        link_plan(app, [split])


def test_pictures_show_links_apart_from_what_the_host_gives() -> None:
    service = contract("export acme:billing/charge@2.1.0;", BILLING, link_name="eu", target="bill")
    diagram = diagram_of(link_plan(PLAN, [service]))
    members = json.loads(document_of(diagram))
    assert [wanted["name"] for wanted in members["host-imports"]] == ["acme:billing/types@2.0.0", "log"]
    assert members["runtime-links"] == [
        {
            "name": "acme:billing/charge@2.0.0",
            "dependency": "acme:service",
            "export": "acme:billing/charge@2.1.0",
            "link-name": "eu",
            "target": "bill",
            "importers": [{"component": "acme:app", "import": "acme:billing/charge@2.0.0"}],
        }
    ]
    for picture in (svg_of(diagram), mermaid_of(diagram), dot_of(diagram)):
        assert "linked: acme:service, service bill, link eu" in picture
        assert "imported from the host, or linked at run time" in picture
    assert "linked" not in svg_of(diagram_of(PLAN))
