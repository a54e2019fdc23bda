"""Dependencies with link = "runtime": locked and verified like any other, checked when building, not composed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.components import from_wit, world
from tests.workflow.conftest import IO, PLATFORM, TRUST
from tests.workflow.test_wit_packages import publish_wit
from wpkg.compose.links import AmbiguousLink, LinkMismatch, LinkToNothing, NoSuchInterface
from wpkg.errors import NotTrusted
from wpkg.project.edit import DependencyLine
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build, plan_project
from wpkg.workflow.lock import lock

if TYPE_CHECKING:
    from tests.workflow.conftest import Company

AUDIT = (
    "package pay:audit-api@1.0.0; interface log { record entry { text: string } write: func(e: entry) -> u64; }"
)
OTHER_AUDIT = AUDIT.replace("text: string", "text: list<u8>")
VALIDATOR = "import pay:audit-api/log@1.0.0; export pay:platform/validation@0.1.0;"
HARNESS = "import sys:io/streams@0.2.0; import pay:platform/validation@0.1.0; export run: func(message: string);"
RUNTIME = '"pay:audit" = { version = "^0.1", link = "runtime" }\n'
CONTRACT = '"pay:audit-api" = { version = "1", link = "runtime", kind = "wit", target = "audit", name = "eu" }\n'


def prepared(company: Company, audit: str = "export pay:audit-api/log@1.0.0;", package: str = AUDIT) -> None:
    company.sources["validator"] = from_wit(VALIDATOR, PLATFORM, AUDIT)
    company.sources["harness"] = from_wit(HARNESS, PLATFORM, IO)
    company.sources["audit"] = from_wit(audit, package)
    company.publish("harness")
    company.publish("audit")


def test_the_composition_has_no_part_of_it_and_asks_for_it(company: Company) -> None:
    prepared(company)
    extra = f'{TRUST}[dependencies]\n"pay:harness" = "^0.1"\n{RUNTIME}'
    built = build(company.world(), company.project("validator", extra=extra), compose=True)
    assert built.composed is not None
    assert built.plan is not None
    assert [(link.name, link.dependency) for link in built.plan.links] == [
        ("pay:audit-api/log@1.0.0", "pay:audit")
    ]
    assert [residual.name for residual in built.plan.host_imports] == ["sys:io/streams@0.2.0"]
    data = built.composed.path.read_bytes()
    assert "import pay:audit-api/log@1.0.0" in world(data)
    assert company.sources["audit"] not in data


def test_it_is_locked_by_digest_and_its_signature_is_verified(company: Company) -> None:
    prepared(company)
    root = company.project("validator", extra=f"{TRUST}[dependencies]\n{RUNTIME}")
    [audit] = lock(company.world(), root).lock.packages
    assert audit.signers == (company.platform_key.public.hint,)
    company.sources["audit2"] = company.sources["audit"]
    company.publish("audit2", key=company.stranger_key)
    extra = TRUST + '[dependencies]\n"pay:audit2" = { version = "^0.1", link = "runtime" }\n'
    with pytest.raises(NotTrusted, match="pay:audit2"):
        lock(company.world(), company.project("validator", extra=extra))


def test_a_service_that_no_registry_holds_has_a_wit_package_for_a_contract(company: Company) -> None:
    prepared(company)
    publish_wit(company, "audit-api", "1.0.0", AUDIT)
    root = company.project("validator")
    line = DependencyLine(link="runtime", kind="wit", target="audit", name="eu")
    add(company.world(), root, [Wanted.parse("pay:audit-api@1")], line)
    assert (
        '"pay:audit-api" = {version = "1", link = "runtime", kind = "wit", target = "audit", name = "eu"}'
        in (root / "wasmcloud.toml").read_text()
    )
    build(company.world(), root, compose=False)
    [link] = plan_project(company.world(), root).links
    assert (link.target, link.link_name, link.dependency) == ("audit", "eu", "pay:audit-api")
    assert (root / "wit" / "deps" / "pay-audit-api-1.0.0" / "package.wit").is_file()


ISOLATED = '[capabilities]\nallow = ["sys:io/*"]\ndenied = "trap"\n'


def test_what_is_linked_is_not_denied_for_not_being_among_what_hosts_may_be_asked(company: Company) -> None:
    prepared(company)
    extra = f"[dependencies]\n{RUNTIME}{ISOLATED}"
    built = build(company.world(), company.project("validator", extra=extra), compose=True)
    assert built.composed is None, "nothing is denied, so nothing is generated"
    assert built.plan is None or not built.plan.connections


def test_what_is_linked_is_denied_where_a_line_says_so(company: Company) -> None:
    prepared(company)
    extra = f'[dependencies]\n{RUNTIME}{ISOLATED}deny = ["pay:audit-api/*"]\n'
    with pytest.raises(LinkToNothing, match="nothing imports what it exports"):
        build(company.world(), company.project("validator", extra=extra), compose=True)


def test_what_a_contract_does_not_have_is_said_and_not_denied_in_silence(company: Company) -> None:
    other = "package pay:audit-api@1.0.0; interface close { close: func(); }"
    prepared(company)
    publish_wit(company, "audit-api", "1.0.0", other)
    extra = f"[dependencies]\n{CONTRACT}{ISOLATED}"
    with pytest.raises(NoSuchInterface, match="has no such interface"):
        build(company.world(), company.project("validator", extra=extra), compose=True)


def test_does_not_exist_is_said_when_building(company: Company) -> None:
    prepared(company, "export other: func();", "package pay:nothing@1.0.0;")
    root = company.project("validator", extra=f"[dependencies]\n{RUNTIME}")
    with pytest.raises(LinkToNothing) as caught:
        build(company.world(), root, compose=False)
    assert str(caught.value) == "pay:audit 0.1.0 is linked at run time, and nothing imports what it exports"
    assert caught.value.hint == "it has other; what is left to the host: pay:audit-api/log@1.0.0"
    assert caught.value.exit_code == 4


def test_an_interface_that_the_contract_does_not_have(company: Company) -> None:
    prepared(company)
    publish_wit(company, "audit-api", "1.0.0", "package pay:audit-api@1.0.0; interface trail { read: func(); }")
    root = company.project("validator", extra=f"[dependencies]\n{CONTRACT}")
    with pytest.raises(NoSuchInterface) as caught:
        build(company.world(), root, compose=True)
    assert str(caught.value) == (
        "'pay:validator' imports 'pay:audit-api/log@1.0.0', and pay:audit-api 1.0.0, which is linked at run time, "
        "has no such interface"
    )
    assert caught.value.hint == "it has pay:audit-api/trail@1.0.0"


@pytest.mark.parametrize("line", [RUNTIME, CONTRACT])
def test_does_not_fit_is_said_when_building(company: Company, line: str) -> None:
    prepared(company, package=OTHER_AUDIT)
    publish_wit(company, "audit-api", "1.0.0", OTHER_AUDIT)
    root = company.project("validator", extra=f"[dependencies]\n{line}")
    with pytest.raises(LinkMismatch, match="entry → field 'text': wanted string, given list<u8>") as caught:
        build(company.world(), root, compose=False)
    assert caught.value.exit_code == 4


def test_two_services_for_one_import_need_names(company: Company) -> None:
    prepared(company)
    publish_wit(company, "audit-api", "1.0.0", AUDIT)
    unnamed = CONTRACT.replace(', name = "eu"', "")
    root = company.project("validator", extra=f"[dependencies]\n{RUNTIME}{unnamed}")
    with pytest.raises(AmbiguousLink, match="neither has a name") as caught:
        build(company.world(), root, compose=False)
    assert caught.value.exit_code == 4
    root = company.project("validator", extra=f"[dependencies]\n{RUNTIME}{CONTRACT}")
    build(company.world(), root, compose=False)
    assert {(link.dependency, link.link_name) for link in plan_project(company.world(), root).links} == {
        ("pay:audit", None),
        ("pay:audit-api", "eu"),
    }


def test_what_a_dependency_links_is_linked_in_its_composition_too(company: Company) -> None:
    prepared(company)
    company.publish("validator", extra=f"[dependencies]\n{RUNTIME}")
    root = company.project("harness", extra='[dependencies]\n"pay:validator" = "^0.1"\n')
    built = build(company.world(), root, compose=True)
    assert built.plan is not None
    assert [(link.name, link.dependency) for link in built.plan.links] == [
        ("pay:audit-api/log@1.0.0", "pay:audit")
    ]
