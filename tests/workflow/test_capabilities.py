"""`[capabilities]`: what the result may ask of the host, by interface and by component; what is newly asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.components import from_wit
from tests.workflow.conftest import Company
from wpkg.component.read import read_component
from wpkg.errors import InvalidInput, NotTrusted
from wpkg.names.package_name import PackageName
from wpkg.oci.artifact import Ask, RecordedLink, build_artifact, read_config
from wpkg.project.capabilities import Capabilities, CapabilityRules
from wpkg.project.lockfile import Lock, read_lock
from wpkg.project.project_file import read_workspace
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.capabilities import NotAllowed, requests_of_component
from wpkg.workflow.inspect import inspect
from wpkg.workflow.lock import lock
from wpkg.workflow.newly_asked import ImportsConcealed, NewlyAskedFor
from wpkg.workflow.opened import open_project
from wpkg.workflow.push import push
from wpkg.workflow.update import update
from wpkg.workflow.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

NET = """package sys:net@0.2.0; interface tcp { connect: func(host: string); } interface udp { send: func(); }
interface types { record address { host: string } }"""
TIME = "package sys:time@0.2.0; interface clock { now: func() -> u64; }"
API = "package pay:api@1.0.0; interface log { write: func(s: string); } interface fees { fee: func() -> u64; }"
APP = "import pay:api/log@1.0.0; import sys:time/clock@0.2.0; export run: func();"
AUDIT = "import sys:time/clock@0.2.0; export pay:api/log@1.0.0;"
AUDIT_WITH_TCP = "import sys:time/clock@0.2.0; import sys:net/tcp@0.2.0; export pay:api/log@1.0.0;"
DEPENDS = '[dependencies]\n"pay:audit" = "*"\n'


def made(body: str) -> bytes:
    return from_wit(body, NET, TIME, API)


def published(company: Company, audit: str = AUDIT_WITH_TCP, version: str = "0.1.0") -> None:
    company.sources |= {"app": made(APP), "audit": made(audit)}
    company.publish("audit", version)


def project(company: Company, rules: str = "", depends: str = DEPENDS) -> Path:
    return company.project("app", extra=depends + rules)


def refusal(company: Company, rules: str) -> NotAllowed | None:
    root = project(company, rules)
    output = root / "build" / "app.composed.wasm"
    output.unlink(missing_ok=True)
    try:
        build(company.world(), root, compose=True)
    except NotAllowed as error:
        assert not output.exists()
        return error
    assert output.exists()
    return None


def test_what_is_denied_is_refused_with_package_interface_and_line(company: Company) -> None:
    published(company)
    error = refusal(company, "[capabilities]\ndeny = ['sys:net/*']\n")
    assert error is not None
    assert error.exit_code == 5
    assert str(error) == "'pay:audit' asks the host for 'sys:net/tcp@0.2.0': denied by 'sys:net/*'"
    assert error.details["refused"] == [
        {
            "component": "pay:audit",
            "import": "sys:net/tcp@0.2.0",
            "allowed": False,
            "because": "denied by 'sys:net/*'",
        }
    ]


def test_what_is_not_among_the_allowed_is_refused_and_the_whole_line_is_shown(company: Company) -> None:
    published(company)
    error = refusal(company, "[capabilities]\nallow = ['sys:time/*']\n")
    assert error is not None
    assert str(error) == "'pay:audit' asks the host for 'sys:net/tcp@0.2.0': not among what is allowed"
    assert error.hint is not None
    line = error.hint.partition("wasmcloud.toml:\n")[2]
    assert line == '[capabilities]\nallow = ["sys:time/*", "sys:net/tcp"]'
    assert refusal(company, line) is None


def test_one_dependency_may_what_the_others_may_not(company: Company) -> None:
    published(company)
    rules = "[capabilities]\nallow = ['sys:time/*']\n[capabilities.'pay:audit']\nallow = ['sys:*']\n"
    assert refusal(company, rules) is None
    company.sources["app"] = made(APP.replace("export", "import sys:net/udp@0.2.0; export"))
    error = refusal(company, rules)
    assert error is not None
    assert str(error) == "'pay:app' asks the host for 'sys:net/udp@0.2.0': not among what is allowed"


def test_one_dependency_may_not_what_the_others_may(company: Company) -> None:
    company.sources["audit"] = made(AUDIT_WITH_TCP)
    published(company)
    company.sources["app"] = made(APP.replace("export", "import sys:net/tcp@0.2.0; export"))
    error = refusal(company, "[capabilities.'pay:audit']\ndeny = ['sys:net/tcp']\n")
    assert error is not None
    assert [request.component for request in error.refused] == ["pay:audit"]
    assert str(error) == (
        "'pay:audit' asks the host for 'sys:net/tcp@0.2.0': denied of 'pay:audit' by 'sys:net/tcp'"
    )


def test_every_refusal_is_listed(company: Company) -> None:
    published(company)
    error = refusal(company, "[capabilities]\nallow = []\n")
    assert error is not None
    assert str(error).endswith("not among what is allowed, and 2 more")
    assert [(r.component, r.interface) for r in error.refused] == [
        ("pay:app", "sys:time/clock@0.2.0"),
        ("pay:audit", "sys:net/tcp@0.2.0"),
        ("pay:audit", "sys:time/clock@0.2.0"),
    ]


def test_types_alone_ask_for_nothing(company: Company) -> None:
    published(company, "import sys:net/types@0.2.0; export pay:api/log@1.0.0;")
    assert refusal(company, "[capabilities]\nallow = ['sys:time/*']\n") is None


def test_what_is_satisfied_inside_is_asked_of_nobody(company: Company) -> None:
    published(company)
    assert refusal(company, "[capabilities]\ndeny = ['pay:api/*']\n") is None


def test_rules_about_nothing_are_an_error(company: Company) -> None:
    published(company)
    with pytest.raises(InvalidInput, match="capabilities: 'pay:adit' is no component of this project") as caught:
        refusal(company, "[capabilities.'pay:adit']\ndeny = ['sys:*']\n")
    assert caught.value.hint == "did you mean 'pay:audit'?"


def test_a_component_that_runs_alone_is_measured_by_a_plain_build(company: Company) -> None:
    company.sources["app"] = made(AUDIT_WITH_TCP)
    root = project(company, "[capabilities]\ndeny = ['sys:net/*']\n", depends="")
    for compose in (False, True):
        with pytest.raises(NotAllowed, match="'pay:app' asks the host for 'sys:net/tcp@0.2.0'"):
            build(company.world(), root, compose=compose)


def test_push_measures_again(company: Company) -> None:
    published(company)
    root = project(company)
    build(company.world(), root, compose=True)
    project(company, "[capabilities]\ndeny = ['sys:net/*']\n")
    with pytest.raises(NotAllowed, match="'pay:audit' asks the host for 'sys:net/tcp@0.2.0'"):
        push(company.world(), root, company.bank_key)
    assert company.repository("app") not in {repository for repository, _ in company.registry.blobs}


# --- what changed since the lock ---------------------------------------------------------------


def locked_then_updated(company: Company, rules: str = "", after: str = AUDIT_WITH_TCP) -> Path:
    published(company, AUDIT)
    root = project(company, rules)
    lock(company.world(), root)
    published(company, after, "0.2.0")
    return root


def test_an_update_that_asks_for_more_is_refused_until_it_is_accepted(company: Company) -> None:
    root = locked_then_updated(company)
    before = (root / "wpkg.lock").read_bytes()
    with pytest.raises(NewlyAskedFor) as caught:
        update(company.world(), root)
    assert caught.value.exit_code == 5
    assert str(caught.value) == "pay:audit 0.2.0 asks for 'sys:net/tcp@0.2.0', which 0.1.0 did not"
    assert caught.value.hint == (
        "to accept it, write in wasmcloud.toml:\n"
        '[capabilities."pay:audit"]\nallow = ["sys:net/tcp", "sys:time/clock"]'
    )
    assert (root / "wpkg.lock").read_bytes() == before
    project(company, caught.value.hint.partition("wasmcloud.toml:\n")[2] + "\n")
    assert [str(p.pin) for p in update(company.world(), root).lock.packages] == ["pay:audit 0.2.0"]
    build(company.world(), root, compose=True)


def test_an_allow_that_is_there_already_accepts_it(company: Company) -> None:
    root = locked_then_updated(company, "[capabilities]\nallow = ['sys:*']\n")
    assert str(update(company.world(), root).lock.packages[0].version) == "0.2.0"


def test_where_everything_is_listed_the_list_gets_one_more(company: Company) -> None:
    root = locked_then_updated(company, "[capabilities]\nallow = ['sys:time/*']\n")
    with pytest.raises(NewlyAskedFor) as caught:
        update(company.world(), root)
    assert caught.value.hint is not None
    assert caught.value.hint.endswith('[capabilities]\nallow = ["sys:time/*", "sys:net/tcp"]')


def test_what_is_denied_is_not_accepted_by_a_line_that_allows_it(company: Company) -> None:
    root = locked_then_updated(company, "[capabilities]\ndeny = ['sys:net/*']\n")
    with pytest.raises(NewlyAskedFor) as caught:
        update(company.world(), root)
    assert str(caught.value) == "pay:audit 0.2.0 asks for 'sys:net/tcp@0.2.0', which 0.1.0 did not"
    assert caught.value.hint == (
        "'sys:net/tcp' is denied by 'sys:net/*': stay with what is locked, or let what is denied trap when it is "
        'called, in wasmcloud.toml:\n[capabilities."pay:audit"]\ndenied = "trap"'
    )
    project(company, f"[capabilities]\ndeny = ['sys:net/*']\n{caught.value.hint.partition('toml:')[2]}\n")
    assert [str(p.pin) for p in update(company.world(), root).lock.packages] == ["pay:audit 0.2.0"]
    build(company.world(), root, compose=True)


def test_an_update_that_asks_for_less_or_the_same_is_none_of_it(company: Company) -> None:
    root = locked_then_updated(company, after="export pay:api/log@1.0.0;")
    assert update(company.world(), root).lock.packages[0].imports == ()


def test_another_version_of_the_same_interface_is_not_new(company: Company) -> None:
    root = locked_then_updated(company, after=AUDIT)
    company.sources["audit"] = from_wit(
        AUDIT.replace("clock@0.2.0", "clock@0.2.1"), NET, TIME.replace("0.2.0", "0.2.1"), API
    )
    company.publish("audit", "0.3.0")
    assert str(update(company.world(), root).lock.packages[0].version) == "0.3.0"


def test_what_another_component_exports_need_not_be_allowed(company: Company) -> None:
    root = locked_then_updated(company, after="import pay:api/fees@1.0.0; " + AUDIT)
    with pytest.raises(NewlyAskedFor, match="asks for 'pay:api/fees@1.0.0'"):
        update(company.world(), root)
    company.sources["app"] = made("export pay:api/fees@1.0.0; export run: func();")
    (root / "build").mkdir(exist_ok=True)
    (root / "build" / "app.wasm").write_bytes(company.sources["app"])
    assert str(update(company.world(), root).lock.packages[0].version) == "0.2.0"


def test_what_an_update_brings_in_counts_as_asked_for_by_it(company: Company) -> None:
    published(company, AUDIT)
    root = project(company)
    lock(company.world(), root)
    company.sources["net"] = made("import sys:net/tcp@0.2.0; export send: func();")
    company.publish("net")
    company.sources["audit"] = made("import send: func(); " + AUDIT)
    helped = company.project("audit", "0.2.0", '[dependencies]\n"pay:net" = "*"\n')
    build(company.world("platform"), helped, compose=False)
    lock(company.world("platform"), helped)
    build(company.world("platform"), helped, compose=True)
    [raw, _] = push(company.world("platform"), helped, None).artifacts
    record = replace(raw.publication.record, kind="component")
    artifact = build_artifact(
        raw.publication.artifact.component,
        replace(read_config(raw.publication.artifact.config_bytes), record=record),
    )
    repository = company.repository("audit")
    company.registry.push_blob(repository, artifact.config, lambda: io.BytesIO(artifact.config_bytes))
    company.registry.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, "0.2.0")
    with pytest.raises(NewlyAskedFor) as caught:
        update(company.world(), root)
    assert str(caught.value) == (
        "pay:net 0.1.0, which pay:audit 0.2.0 needs, asks for 'sys:net/tcp@0.2.0', "
        "which pay:audit 0.1.0 and what it needed did not"
    )


def test_a_dependency_that_is_added_is_not_an_update(company: Company) -> None:
    published(company, AUDIT)
    root = project(company)
    lock(company.world(), root)
    company.sources["net"] = made("import sys:net/tcp@0.2.0; export send: func();")
    company.publish("net")
    assert len(add(company.world(), root, [Wanted.parse("pay:net")]).lock.packages) == 2


def test_a_lock_of_before_is_read_and_completed_by_the_next_wpkg_lock(company: Company) -> None:
    published(company)
    root = project(company)
    full = lock(company.world(), root).lock
    old = Lock(tuple(replace(package, imports=None) for package in full.packages))
    (root / "wpkg.lock").write_text(old.encode())
    assert "imports" not in old.encode()
    assert lock(company.world(), root, check=True).changes == ()
    assert lock(company.world(), root).lock == full
    assert read_lock((root / "wpkg.lock").read_text()) == full


def test_a_config_that_conceals_an_import_is_found_out_when_building(company: Company) -> None:
    published(company)
    repository = company.repository("audit")
    artifact = company.publish("audit").artifacts[0].publication.artifact
    config = read_config(artifact.config_bytes)
    lying = build_artifact(artifact.component, replace(config, imports=("sys:time/clock@0.2.0",)))
    company.registry.push_blob(repository, lying.config, lambda: io.BytesIO(lying.config_bytes))
    company.registry.push_manifest(repository, lying.manifest_bytes, lying.manifest.media_type, "0.1.0")
    root = project(company)
    [package] = lock(company.world(), root).lock.packages
    assert package.imports == ("sys:time/clock@0.2.0",)
    with pytest.raises(
        ImportsConcealed, match=r"pay:audit 0.1.0 imports 'sys:net/tcp@0.2.0', which neither"
    ) as caught:
        build(company.world(), root, compose=True)
    assert isinstance(caught.value, NotTrusted)


def test_where_a_config_says_nothing_the_component_is_asked(company: Company) -> None:
    published(company)
    repository = company.repository("audit")
    artifact = company.publish("audit").artifacts[0].publication.artifact
    bare = artifact.config_bytes.replace(b'"component":{', b'"other":{')
    assert read_config(bare).has_names is False
    from wpkg.oci.artifact import WASM_CONFIG
    from wpkg.oci.descriptor import Descriptor
    from wpkg.oci.manifest import Manifest

    config = Descriptor.of(WASM_CONFIG, bare)
    manifest = Manifest(config, (artifact.component,)).encode()
    company.registry.push_blob(repository, config, lambda: io.BytesIO(bare))
    company.registry.push_manifest(repository, manifest, artifact.manifest.media_type, "0.1.0")
    found = lock(company.world(), project(company)).lock.named(PackageName.parse("pay:audit"))
    assert [getattr(package, "imports", None) for package in found] == [
        ("sys:net/tcp@0.2.0", "sys:time/clock@0.2.0"),
    ]


# --- what is published -------------------------------------------------------------------------


RULES = "[capabilities]\nallow = ['sys:time/*']\n[capabilities.'pay:audit']\nallow = ['sys:net/tcp', 'sys:time/clock']\n"


def published_app(company: Company, rules: str) -> Path:
    published(company)
    root = project(company, rules)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    return root


def test_verify_measures_what_is_published_part_by_part(company: Company) -> None:
    root = published_app(company, RULES)
    key = company.key_file(company.bank_key, "bank.pub")
    verified = verify(company.world(), root, "pay:app@0.1.0", [key])
    assert [(r.component, r.interface, r.verdict.is_allowed) for r in verified.requests] == [
        ("pay:app", "sys:time/clock@0.2.0", True),
        ("pay:audit", "sys:net/tcp@0.2.0", True),
        ("pay:audit", "sys:time/clock@0.2.0", True),
    ]
    project(company, "[capabilities.'pay:audit']\ndeny = ['sys:net/*']\n")
    with pytest.raises(NotAllowed, match="'pay:audit' asks the host for 'sys:net/tcp@0.2.0'"):
        verify(company.world(), root, "pay:app@0.1.0", [key])
    project(company, "")
    assert verify(company.world(), root, "pay:app@0.1.0", [key]).requests == ()


def test_what_a_release_says_of_its_parts_leaves_nothing_out(company: Company) -> None:
    root = published_app(company, RULES)
    [_, composed] = push(company.world(), root, company.bank_key).artifacts
    config = read_config(composed.publication.artifact.config_bytes)
    assert config.record is not None
    asks = tuple(ask for ask in config.record.asks if ask.name != "sys:net/tcp@0.2.0")
    assert len(asks) == 1
    found = requests_of_component(
        read_component(memoryview(composed.publication.path.read_bytes())),
        "pay:app",
        asks,
        open_project(root).project.capabilities,
    )
    assert [(r.component, r.interface) for r in found if not r.verdict.is_allowed] == [
        ("pay:app", "sys:net/tcp@0.2.0")
    ]


def test_a_release_that_calls_an_import_linked_needs_the_link_of_the_project(company: Company) -> None:
    component = read_component(memoryview(made("import sys:net/tcp@0.2.0; export run: func();")))
    asks = [Ask("sys:net/tcp@0.2.0", ("pay:app",), (RecordedLink("pay:net"),))]
    rules = Capabilities(CapabilityRules(allow=()))
    [alone] = requests_of_component(component, "pay:app", asks, rules)
    [linked] = requests_of_component(component, "pay:app", asks, rules, {"pay:net"})
    assert (alone.verdict.is_allowed, linked.verdict.is_allowed) == (False, True)


def test_inspect_shows_what_the_rules_say(company: Company) -> None:
    root = published_app(company, RULES)
    found = inspect(company.world(), root, "pay:app@0.1.0").requests
    assert found is not None
    assert all(request.verdict.is_allowed for request in found)
    raw = inspect(company.world(), root, str(root / "build" / "app.composed.wasm")).requests
    assert raw is not None
    assert [r.interface for r in raw if not r.verdict.is_allowed] == ["sys:net/tcp@0.2.0"]
    assert inspect(company.world(), company.folder, str(root / "build" / "app.wasm")).requests is None


def test_every_member_that_has_the_dependency_must_accept_it(company: Company) -> None:
    published(company, AUDIT)
    home = company.folder / "projects"
    (home / "wasmcloud.toml").write_text(
        '[workspace]\nmembers = ["one", "two"]\n[registries]\npay = "127.0.0.1:5000/demo"\n'
    )
    rules = "[capabilities]\nallow = ['sys:*']\n"

    def members(one: str, two: str) -> None:
        for name, extra in (("one", one), ("two", two)):
            file = company.project(name, extra=DEPENDS + extra) / "wasmcloud.toml"
            file.write_text(file.read_text().replace('[registries]\npay = "127.0.0.1:5000/demo"\n', ""))

    members("", "")
    lock(company.world(), home)
    later = Company(company.folder / "later", company.registry)  # the publisher's folder is no member's
    later.sources["audit"] = made(AUDIT_WITH_TCP)
    later.publish("audit", "0.2.0")
    members(rules, "")
    with pytest.raises(NewlyAskedFor, match=r"pay:audit 0.2.0 asks for 'sys:net/tcp@0.2.0'"):
        update(company.world(), home)
    members(rules, rules)
    assert str(update(company.world(), home).lock.packages[0].version) == "0.2.0"


def test_rules_in_a_file_that_is_a_workspace_only_would_be_about_nobody() -> None:
    with pytest.raises(
        InvalidInput, match="capabilities: it is said of a project, and this file is a workspace only"
    ):
        read_workspace("[workspace]\nmembers = []\n[capabilities]\ndeny = ['*']\n")
