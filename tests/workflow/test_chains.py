"""`[composition] chain` of a project, whose own component stands at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from wasmtime import WasmtimeError

from tests.unit.compose.test_chain import ADD, DOUBLE, END, applied
from wpkg.compose.chain import NoChain
from wpkg.errors import InvalidInput
from wpkg.workflow.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

DEPENDS = '[dependencies]\n"pay:add" = "*"\n"pay:double" = "*"\n[composition]\n'


def project(company: Company, composition: str) -> Path:
    company.sources |= {"end": END, "add": ADD, "double": DOUBLE}
    company.publish("add")
    company.publish("double")
    return company.project("end", extra=DEPENDS + composition)


@pytest.mark.parametrize(
    ("chain", "instances", "result"),
    [
        ("['pay:add', 'pay:double']", "", 116),
        ("['pay:double', 'pay:add']", "", 113),
        ("['pay:add', 'pay:double', 'again']", "[composition.instances]\nagain = 'pay:add'\n", 119),
    ],
)
def test_a_project_is_composed_in_the_order_that_it_says(
    company: Company, chain: str, instances: str, result: int
) -> None:
    built = build(company.world(), project(company, f"chain = {chain}\n{instances}"), compose=True)
    assert built.composed is not None
    assert applied(built.composed.path.read_bytes(), 5) == result


def test_a_link_that_is_no_dependency(company: Company) -> None:
    with pytest.raises(NoChain, match="'pay:log' is in the chain, and is not among the components") as caught:
        build(company.world(), project(company, "chain = ['pay:log']\n"), compose=True)
    assert caught.value.hint == "the components are pay:end, pay:add, pay:double"


def test_a_link_that_is_there_twice(company: Company) -> None:
    with pytest.raises(InvalidInput, match="composition.chain: it names one twice"):
        build(company.world(), project(company, "chain = ['pay:add', 'pay:add']\n"), compose=True)


def test_what_the_end_of_a_chain_asks_for_can_be_denied(company: Company) -> None:
    company.sources |= {"end": DOUBLE, "add": ADD}
    company.publish("add")
    lines = (
        '[dependencies]\n"pay:add" = "*"\n[composition]\nchain = ["pay:add", "pay:end"]\n'
        '[capabilities]\ndeny = ["t:steps/*"]\ndenied = "trap"\n'
    )
    built = build(company.world(), company.project("end", extra=lines), compose=True)
    assert built.composed is not None
    assert built.plan is not None
    assert built.plan.residuals == ()
    with pytest.raises(WasmtimeError, match="wasm trap: wasm `unreachable` instruction executed"):
        applied(built.composed.path.read_bytes(), 5)
