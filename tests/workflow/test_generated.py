"""Components that lines of a project file have generated: built, planned, drawn, inspected and published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.components import from_wit, wasm_tools, world
from tests.workflow.conftest import HARNESS, IO, PLATFORM, TRUST
from wpkg.cli.plan import plan_json, plan_lines
from wpkg.compose.errors import DeniedInPart
from wpkg.diagram.document import members_of
from wpkg.trust.statement import CYCLONEDX, SLSA_PROVENANCE
from wpkg.workflow.build import build, plan_project
from wpkg.workflow.graph import diagram_of_project
from wpkg.workflow.inspect import Asked, inspect
from wpkg.workflow.push import push
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

DEPENDS = TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n'
STREAMS = "sys:io/streams@0.2.0"
HARNESS_ONLY = DEPENDS + '[capabilities."pay:harness"]\ndeny = ["sys:io/*"]\ndenied = "trap"\n'
EVERYBODY = DEPENDS + '[capabilities]\ndeny = ["sys:io/*"]\ndenied = "trap"\n'
CONFIG = """package wasi:config@0.2.0-rc.1; interface store { variant error { upstream(string), io(string) }
  get: func(key: string) -> result<option<string>, error>; }"""
STORE = "wasi:config/store@0.2.0-rc.1"
CONFIGURED = '[composition.config]\ncurrency = "EUR"\n'


def prepared(company: Company, extra: str) -> Path:
    company.publish("harness")
    return company.project("validator", extra=extra)


def composed(company: Company, root: Path) -> bytes:
    made = build(company.world(), root, compose=True).composed
    assert made is not None
    data = made.path.read_bytes()
    wasm_tools("validate", "--features", "all", data=data)
    return data


def importers(company: Company, root: Path) -> list[str]:
    """Who gets the streams of the host."""
    plan = plan_project(company.world(), root)
    return sorted(node for r in plan.residuals for node, name in r.importers if name == STREAMS)


def test_what_is_denied_to_one_component_is_the_hosts_for_the_other(company: Company) -> None:
    root = prepared(company, HARNESS_ONLY)
    data = composed(company, root)
    assert world(data) == [f"import {STREAMS}", "export run: func(message: string)"]
    assert importers(company, root) == ["pay:validator"]
    for part in company.sources.values():
        assert part in data  # verbatim


def test_what_is_denied_to_everybody_is_asked_of_no_host(company: Company) -> None:
    root = prepared(company, EVERYBODY)
    assert world(composed(company, root)) == ["export run: func(message: string)"]


def test_what_is_allowed_is_not_generated(company: Company) -> None:
    root = prepared(company, DEPENDS + '[capabilities]\nallow = ["sys:io/streams"]\ndenied = "trap"\n')
    composed(company, root)
    assert importers(company, root) == ["pay:harness", "pay:validator"]


def test_the_plan_the_picture_and_the_tree_show_what_was_generated(company: Company) -> None:
    root = prepared(company, HARNESS_ONLY)
    data = composed(company, root)
    plan = plan_project(company.world(), root)
    made = [item for item in plan_json(plan)["components"] if "generated" in item]
    assert [(item["name"], item["generated"]) for item in made] == [
        ("pay:harness (denied)", {"for": "pay:harness", "denied": {STREAMS: "trap"}, "config": {}})
    ]
    assert f"generated: pay:harness (denied), denies {STREAMS}" in plan_lines(plan)
    drawn = members_of(diagram_of_project(company.world(), root))
    assert "pay:harness (denied)" in [item["name"] for item in drawn["components"]]
    path = root / "composed.wasm"
    path.write_bytes(data)
    tree = inspect(company.world(), root, str(path), Asked(tree=True)).tree
    assert tree is not None
    assert sorted(str(part.name) for part in tree.components) == [
        "pay:harness",
        "pay:harness (denied)",
        "pay:validator",
    ]


def statement(company: Company, root: Path, predicate: str) -> Any:
    keys = [company.key_file(company.bank_key, "bank.pub")]
    return verify(company.world("c"), root, "pay:validator@0.1.0", keys).verification.attestations[predicate][0]


def test_provenance_and_bill_of_materials_name_what_was_generated(company: Company) -> None:
    root = prepared(company, HARNESS_ONLY)
    composed(company, root)
    push(company.world(), root, company.bank_key)
    definition = statement(company, root, SLSA_PROVENANCE).statement.predicate["buildDefinition"]
    [made] = [d for d in definition["resolvedDependencies"] if d["name"] == "pay:harness (denied)"]
    assert made["annotations"] == {
        "role": "generated",
        "name": "pay:harness (denied)",
        "generated": {"for": "pay:harness", "denied": {STREAMS: "trap"}, "config": {}},
    }
    assert {
        "import": STREAMS,
        "of": "pay:harness",
        "satisfied-by": "pay:harness (denied)",
        "export": STREAMS,
    } in definition["internalParameters"]["plan"]
    parts = statement(company, root, CYCLONEDX).statement.predicate["components"]
    assert "pay:harness (denied)" in [part["name"] for part in parts]


def test_what_was_generated_is_among_the_inputs_and_nobody_is_asked_for_it(company: Company) -> None:
    root = prepared(company, HARNESS_ONLY)
    composed(company, root)
    push(company.world(), root, company.bank_key)
    keys = [company.key_file(company.bank_key, "b.pub"), company.key_file(company.platform_key, "p.pub")]
    found = verify(company.world("reader"), root, "pay:validator@0.1.0", keys, inputs=True).verified_inputs
    assert {item.input.name: item.verification and item.verification.state for item in found} == {
        "pay:harness@0.1.0": "verified",
        "pay:harness (denied)": None,
        "pay:validator@0.1.0": None,
    }


def configured(company: Company, extra: str) -> Path:
    company.sources["validator"] = from_wit(f"import {STORE}; export run: func();", CONFIG)
    return company.project("validator", extra=extra)


def test_constants_alone_are_something_to_compose_with(company: Company) -> None:
    root = configured(company, CONFIGURED)
    assert world(composed(company, root)) == ["export run: func()"]
    push(company.world(), root, company.bank_key)
    repository = company.repository("validator")
    assert {(repository, tag) for tag in ("0.1.0", "0.1.0_raw")} <= set(company.registry.tags)


def test_constants_that_nobody_asks_for_are_nothing_to_compose_with(company: Company) -> None:
    root = company.project("validator", extra=CONFIGURED)
    assert build(company.world(), root, compose=True).composed is None
    assert "warning: there is nothing to compose with: no dependency has link = 'build'" in company.notes.warnings


def test_constants_need_not_be_among_what_hosts_may_be_asked(company: Company) -> None:
    rules = '[capabilities]\nallow = []\ndenied = "trap"\n'
    root = configured(company, CONFIGURED + rules)
    data = composed(company, root)
    assert b"EUR" in data
    assert {node.name for node in plan_project(company.world(), root).nodes} == {
        "pay:validator",
        "pay:validator (configuration)",
    }


def test_constants_are_kept_from_whom_they_are_denied_to(company: Company) -> None:
    rules = '[capabilities]\ndeny = ["wasi:config/*"]\ndenied = "trap"\n'
    root = configured(company, CONFIGURED + rules)
    assert b"EUR" not in composed(company, root)


def test_another_constant_makes_another_component(company: Company) -> None:
    root = configured(company, CONFIGURED)
    first = composed(company, root)
    company.project("validator", extra=CONFIGURED.replace("EUR", "USD"))
    assert composed(company, root) == first.replace(b"EUR", b"USD")


def test_shared_modules_are_shared_beside_what_is_generated(company: Company) -> None:
    root = prepared(
        company, EVERYBODY.replace("[capabilities]", "[composition]\nshare-modules = true\n[capabilities]")
    )
    data = composed(company, root)
    assert world(data) == ["export run: func(message: string)"]


def test_a_family_that_is_denied_in_part_stops_the_build(company: Company) -> None:
    io = IO.replace(
        "interface streams", "interface files { use streams.{output}; open: func() -> output; } interface streams"
    )
    company.sources["harness"] = from_wit(HARNESS + " import sys:io/files@0.2.0;", PLATFORM, io)
    root = prepared(company, HARNESS_ONLY.replace("sys:io/*", "sys:io/streams"))
    with pytest.raises(DeniedInPart) as raised:
        build(company.world(), root, compose=True)
    assert (raised.value.name, raised.value.denied) == ("sys:io/files@0.2.0", STREAMS)
    assert not (root / "build" / "validator.composed.wasm").exists()
