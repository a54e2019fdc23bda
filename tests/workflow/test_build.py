from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.components import wasm_tools, world
from tests.fakes.world import offline
from tests.workflow.conftest import HARNESS, TRUST, VALIDATOR, component
from wpkg.component.errors import NotAComponent
from wpkg.compose.errors import TypeMismatch
from wpkg.errors import InvalidInput, LockOutOfDate, WpkgError
from wpkg.names.version import Version
from wpkg.oci.artifact import WasmConfig, build_artifact
from wpkg.registry.errors import Offline
from wpkg.workflow.add import Wanted, add
from wpkg.workflow.build import build, plan_project
from wpkg.workflow.fetch import fetch_locked
from wpkg.workflow.lock import lock
from wpkg.workflow.push import push
from wpkg.workflow.raw_build import BuildFailed
from wpkg.workflow.release import DigestGone
from wpkg.workflow.world import Finished

if TYPE_CHECKING:
    from pathlib import Path

    from tests.workflow.conftest import Company

DEPENDS = TRUST + '[dependencies]\n"pay:harness" = "^0.1"\n'


def prepared(company: Company, extra: str = DEPENDS) -> Path:
    """A project whose dependency is published; not locked yet."""
    company.publish("harness")
    return company.project("validator", extra=extra)


def test_raw_and_composed_lie_side_by_side(company: Company) -> None:
    root = prepared(company)
    built = build(company.world(), root, compose=True)
    assert built.raw.path.read_bytes() == company.sources["validator"]
    assert built.composed is not None
    data = built.composed.path.read_bytes()
    wasm_tools("validate", "--features", "all", data=data)
    assert world(data) == ["import sys:io/streams@0.2.0", "export run: func(message: string)"]
    for part in company.sources.values():
        assert part in data  # verbatim


def test_nothing_is_run_fetched_or_written_again_when_nothing_changed(company: Company) -> None:
    root = prepared(company)
    build(company.world(), root, compose=True)
    files = list((root / "build").rglob("*.wasm"))
    before = {path: path.stat() for path in files}
    company.registry.requests.clear()
    again = build(company.world(), root, compose=True)
    assert again.plan is None
    assert again.composed is not None
    assert (again.raw.changed, again.composed.changed) == (False, False)
    assert company.registry.requests == []
    assert {path: (s.st_ino, s.st_mtime_ns) for path, s in before.items()} == {
        path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in files
    }


def test_an_output_that_was_changed_by_hand_is_made_again(company: Company) -> None:
    root = prepared(company)
    built = build(company.world(), root, compose=True)
    assert built.composed is not None
    good = built.composed.path.read_bytes()
    built.composed.path.write_bytes(good[:-1] + b"!")
    os.utime(built.composed.path, ns=(0, 0))
    again = build(company.world(), root, compose=True)
    assert again.composed is not None
    assert again.composed.changed
    assert built.composed.path.read_bytes() == good


def test_the_same_inputs_give_the_same_bytes_wherever_the_project_is(company: Company) -> None:
    root = prepared(company)
    first = build(company.world(), root, compose=True)
    elsewhere = company.folder / "elsewhere"
    root.rename(elsewhere)
    (elsewhere / "build" / ".wpkg" / "build.json").unlink()
    second = build(company.world("another-user"), elsewhere, compose=True)
    assert first.composed is not None
    assert second.composed is not None
    assert first.composed.digest == second.composed.digest
    assert not second.composed.changed


def test_a_locked_and_cached_project_builds_offline(company: Company) -> None:
    root = prepared(company)
    add(company.world(), root, [Wanted.parse("pay:harness@^0.1")])
    assert build(offline(company.world()), root, compose=True).composed is not None
    (root / "build" / "validator.composed.wasm").unlink()
    with pytest.raises(Offline, match="pay/harness"):
        build(offline(company.world("empty-cache")), root, compose=True)


def test_locked_forbids_to_touch_the_lock(company: Company) -> None:
    root = prepared(company)
    with pytest.raises(LockOutOfDate, match="wpkg.lock is out of date"):
        build(company.world(), root, compose=True, locked=True)
    assert not (root / "wpkg.lock").exists()


def test_a_damaged_cache_entry_is_fetched_again(company: Company) -> None:
    root = prepared(company)
    lock(company.world(), root)
    built = build(company.world(), root, compose=True)
    pin = lock(company.world(), root).lock.packages[0]
    path = company.world().cache.path(pin.component)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    (root / "build" / ".wpkg" / "build.json").unlink()
    company.registry.requests.clear()
    again = build(company.world(), root, compose=True)
    assert ("download_blob", str(pin.component)) in company.registry.requests
    assert again.composed is not None
    assert built.composed is not None
    assert again.composed.digest == built.composed.digest


@pytest.mark.parametrize("where", ["start", "middle", "end"])
def test_a_blob_that_the_registry_changed_is_refused_by_name(company: Company, where: str) -> None:
    root = prepared(company)
    pin = lock(company.world(), root).lock.packages[0]
    key = (pin.source, pin.component)
    data = company.registry.blobs[key]
    at = {"start": 0, "middle": len(data) // 2, "end": len(data) - 1}[where]
    company.registry.blobs[key] = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    with pytest.raises(
        WpkgError, match=f"blob {pin.component} of .*pay/harness does not match its digest"
    ) as caught:
        build(company.world(), root, compose=True)
    assert caught.value.exit_code == 6
    assert not list((root / "build").glob("*.composed.wasm"))


def test_every_changed_byte_of_the_lock_is_noticed(company: Company) -> None:
    """Flip one bit of each byte in turn: no build may go on as if nothing had happened."""
    root = prepared(company)
    add(company.world(), root, [Wanted.parse("pay:harness@^0.1")])
    build(company.world(), root, compose=True)
    path = root / "wpkg.lock"
    good = path.read_bytes()
    codes: dict[int, int] = {}
    unnoticed = []
    for i in range(len(good)):
        path.write_bytes(good[:i] + bytes([good[i] ^ 1]) + good[i + 1 :])
        try:
            build(company.world(), root, compose=True, run_command=False, locked=True)
            unnoticed.append(good[:i].count(b"\n") + 1)
        except WpkgError as error:
            assert "lock" in str(error) or "harness" in str(error), str(error)
            codes[error.exit_code] = codes.get(error.exit_code, 0) + 1
    assert unnoticed == []
    assert set(codes) <= {2, 5, 6, 7}


def test_an_unsigned_dependency_is_not_composed(company: Company) -> None:
    company.publish("harness", unsigned=True)
    root = company.project("validator", extra='[dependencies]\n"pay:harness" = "^0.1"\n')
    lock(company.world(), root)
    company.project("validator", extra=DEPENDS)
    with pytest.raises(WpkgError, match="pay:harness 0.1.0 .* is not signed") as caught:
        build(company.world(), root, compose=True)
    assert caught.value.exit_code == 5


def test_a_pin_that_the_registry_no_longer_has_is_an_error_of_its_own(company: Company) -> None:
    root = prepared(company)
    pin = lock(company.world(), root).lock.packages[0]
    del company.registry.manifests[pin.source, pin.manifest]
    with pytest.raises(
        DigestGone, match=f"pay/harness no longer has {pin.manifest}, which the lock pins as pay:harness 0.1.0"
    ):
        build(company.world("empty-cache"), root, compose=True)


def test_a_changed_signature_of_a_dependency_stops_the_build(company: Company) -> None:
    root = prepared(company)
    fetch_locked(company.world(), lock(company.world(), root).lock)
    repository = company.repository("harness")
    for (where, digest), data in list(company.registry.blobs.items()):
        if where == repository and b"dsseEnvelope" in data:
            company.registry.blobs[where, digest] = data[:80] + bytes([data[80] ^ 1]) + data[81:]
    with pytest.raises(
        WpkgError, match="pay:harness 0.1.0 .* is not trusted, 0 of 1 .* does not match its digest"
    ) as caught:
        build(company.world("empty-cache"), root, compose=True)
    assert caught.value.exit_code == 5
    # What an earlier look-up has verified and kept still stands, offline too.
    assert build(offline(company.world()), root, compose=True).composed is not None


def test_a_build_that_fails_says_so_and_composes_nothing(company: Company) -> None:
    root = prepared(company)
    company.programs.known["make"] = lambda _words, _folder: Finished(3, "no such compiler\n")
    with pytest.raises(BuildFailed, match="'make validator' failed with status 3:\nno such compiler"):
        build(company.world(), root, compose=True)
    assert not list(root.rglob("*.wasm"))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('build_command = "make validator"', 'build_command = "nonesuch x"', "cannot run 'nonesuch'"),
        ('build_command = "make validator"', "", "component.build_command is missing"),
        ("build/validator.wasm", "build/other.wasm", "there is no component at build/other.wasm"),
    ],
)
def test_a_build_that_cannot_be_done_says_why(company: Company, before: str, after: str, said: str) -> None:
    root = prepared(company)
    file = root / "wasmcloud.toml"
    file.write_text(file.read_text().replace(before, after))
    with pytest.raises(BuildFailed, match=said):
        build(company.world(), root, compose=False)


def test_what_the_build_makes_has_to_be_a_component(company: Company) -> None:
    root = prepared(company)
    company.sources["validator"] = b"\0asm\x01\0\0\0"
    with pytest.raises(NotAComponent, match="build/validator.wasm: it is a core module"):
        build(company.world(), root, compose=False)


def test_a_dependency_that_does_not_fit_fails_and_leaves_the_old_output(company: Company) -> None:
    root = prepared(company)
    built = build(company.world(), root, compose=True)
    assert built.composed is not None
    good = built.composed.path.read_bytes()
    other = "package pay:platform@0.1.0; interface validation { validate: func(t: u32) -> bool; }"
    from tests.components import from_wit
    from tests.workflow.conftest import IO

    company.sources["validator"] = from_wit(VALIDATOR, other, IO)
    with pytest.raises(TypeMismatch):
        build(company.world(), root, compose=True)
    assert built.composed.path.read_bytes() == good


def test_the_plan_says_who_satisfies_what_and_writes_nothing(company: Company) -> None:
    root = prepared(company)
    build(company.world(), root, compose=False)
    lock(company.world(), root)
    before = sorted(path for path in root.rglob("*"))
    plan = plan_project(company.world(), root)
    assert plan.root == "pay:harness"
    assert [(c.importer, c.name, c.exporter) for c in plan.connections] == [
        ("pay:harness", "pay:platform/validation@0.1.0", "pay:validator")
    ]
    assert [residual.name for residual in plan.residuals] == ["sys:io/streams@0.2.0"]
    assert sorted(path for path in root.rglob("*")) == before


def test_files_can_be_named_as_the_2025_proposal_did(company: Company) -> None:
    extra = '[compose]\nsocket = "../h.wasm"\ncomponents = ["../h.wasm"]\n'
    root = company.project("validator", extra=extra)
    (root.parent / "h.wasm").write_bytes(company.sources["harness"])
    built = build(company.world(), root, compose=True)
    assert built.plan is not None
    assert built.plan.root == "../h.wasm"


def test_a_component_that_is_neither_dependency_nor_file_is_named(company: Company) -> None:
    root = company.project("validator", extra='[composition]\ncomponents = ["pay:nobody"]\n')
    with pytest.raises(
        InvalidInput, match="names 'pay:nobody', which is neither a composed dependency nor a file"
    ):
        build(company.world(), root, compose=True)


def test_runtime_dependencies_are_locked_and_not_composed(company: Company) -> None:
    company.publish("harness")
    company.sources["validator"] = component("import run: func(message: string);" + VALIDATOR)
    extra = '[dependencies]\n"pay:harness" = { version = "^0.1", link = "runtime" }\n'
    root = company.project("validator", extra=extra)
    built = build(company.world(), root, compose=True)
    assert (root / "wpkg.lock").read_text().count("[[package]]") == 1
    assert built.composed is None
    assert company.notes.warnings == [
        "warning: there is nothing to compose with: no dependency has link = 'build'"
    ]
    pushed = push(company.world(), root, company.bank_key)
    records = [artifact.publication.record for artifact in pushed.artifacts]
    assert [(r.kind, [(str(d.name), d.link) for d in r.dependencies]) for r in records] == [
        ("component", [("pay:harness", "runtime")])
    ]


def test_a_component_given_for_nothing_is_reported(company: Company) -> None:
    company.sources["idle"] = component("export idle: func();")
    company.publish("idle")
    extra = DEPENDS + '"pay:idle" = "^0.1"\n[composition]\nroot = "pay:harness"\n'
    root = prepared(company, extra)
    build(company.world(), root, compose=True)
    assert company.notes.warnings == [
        "warning: 'pay:idle' is not part of the composition: nothing imports what it exports"
    ]


def test_a_policy_that_changed_is_applied_although_nothing_else_did(company: Company) -> None:
    """The short cut of an unchanged build does not outlive the keys that it was verified with."""
    root = prepared(company)
    build(company.world(), root, compose=True)
    (root / "platform.pub").write_bytes(company.stranger_key.public.pem)
    with pytest.raises(WpkgError, match="signed by a key that the rule does not name") as caught:
        build(company.world(), root, compose=True)
    assert caught.value.exit_code == 5


def test_a_file_that_is_composed_with_is_looked_at_again_when_it_changes(company: Company) -> None:
    root = company.project("validator", extra='[composition]\nroot = "../h.wasm"\ncomponents = ["../h.wasm"]\n')
    harness = root.parent / "h.wasm"
    harness.write_bytes(company.sources["harness"])
    first = build(company.world(), root, compose=True)
    harness.write_bytes(component(HARNESS + "export other: func();"))
    second = build(company.world(), root, compose=True)
    assert first.composed is not None
    assert second.composed is not None
    assert first.composed.digest != second.composed.digest


def test_what_a_runtime_dependency_is_composed_of_is_not_composed_here(company: Company) -> None:
    """The billing service needs a helper; neither is part of the validator's composition."""
    company.sources["helper"] = component("export help: func();")
    company.publish("helper")
    company.sources["billing"] = component("import help: func(); export bill: func();")
    root = company.project("billing", extra='[dependencies]\n"pay:helper" = "^0.1"\n')
    build(company.world("platform"), root, compose=True)
    pushed = push(company.world("platform"), root, company.platform_key)
    repository = company.repository("billing")
    raw = pushed.artifacts[0].publication.artifact  # published alone, as somebody may who lets others compose
    record = replace(pushed.artifacts[0].publication.record, kind="component", version=Version.parse("0.2.0"))
    artifact = build_artifact(raw.component, WasmConfig(record, ("help",), ("bill",)))
    company.registry.push_blob(repository, artifact.config, lambda: io.BytesIO(artifact.config_bytes))
    company.registry.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, "0.2.0")
    company.sources["validator"] = component("import bill: func();" + VALIDATOR)
    extra = DEPENDS.removeprefix(TRUST) + '"pay:billing" = { version = "=0.2.0", link = "runtime" }\n'
    root = prepared(company, extra)
    built = build(company.world(), root, compose=True)
    assert built.plan is not None
    assert [node.name for node in built.plan.nodes] == ["pay:validator", "pay:harness"]
    assert (root / "wpkg.lock").read_text().count("[[package]]") == 3
    assert company.notes.warnings == []
