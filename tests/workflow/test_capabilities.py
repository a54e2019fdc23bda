"""`[capabilities]`: what the result may ask of the host, by interface and by component; what is newly asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.components import from_wit
from wpkg.errors import InvalidInput, NotTrusted
from wpkg.names.package_name import PackageName
from wpkg.oci.artifact import build_artifact, read_config
from wpkg.project.lockfile import Lock, read_lock
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build
from wpkg.workflow.capabilities import NotAllowed
from wpkg.workflow.lock import lock
from wpkg.workflow.newly_asked import ImportsConcealed, NewlyAskedFor
from wpkg.workflow.push import push
from wpkg.workflow.update import update

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

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
