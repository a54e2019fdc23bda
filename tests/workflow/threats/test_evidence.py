"""Attacks on evidence: who has signed, what, when, and whether it is there at all."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.fakes.fault_proxy import Reply, Request, fault_proxy
from tests.workflow.conftest import HARNESS, TRUST, component
from tests.workflow.threats.scene import COMPOSED, DEPENDS, NEEDS, PACKAGE, VERIFY, Scene
from wpkg.errors import WpkgError
from wpkg.names.package_name import PackageName
from wpkg.names.version import Version
from wpkg.oci.artifact import WASM_LAYER, WasmConfig, build_artifact
from wpkg.oci.descriptor import Descriptor
from wpkg.oci.manifest import IMAGE_INDEX, IMAGE_MANIFEST, Index
from wpkg.oci.referrers import MAX_REFERRERS, referrers_tag
from wpkg.registry.client import RegistryClient
from wpkg.trust.bundle import sign_statement
from wpkg.trust.statement import SLSA_PROVENANCE, Published, Statement, signature_statement
from wpkg.workflow.attach import published_as
from wpkg.workflow.build import build
from wpkg.workflow.push import push
from wpkg.workflow.sign import sign

if TYPE_CHECKING:
    from collections.abc import Callable

    from wpkg.trust.policy import Format
    from wpkg.workflow.release import Release


@pytest.mark.parametrize("by", ["hiding the API", "emptying the list", "deleting"])
def test_04_a_stripped_signature(scene: Scene, by: str) -> None:
    scene.company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
    scene.succeeds("lock")
    (scene.project / "wpkg.lock").rename(scene.folder / "kept.lock")
    if by == "emptying the list":
        scene.answer("/referrers/", Index(()).encode(), IMAGE_INDEX)
    elif by == "hiding the API":
        scene.proxy.on("GET", "/referrers/|/manifests/sha256-", lambda _, __: Reply(404))
    else:
        scene.proxy.on("GET", "/manifests/sha256:|/blobs/", lambda r, f: _gone_if_bundle(f()))
    scene.company.project("validator", extra=DEPENDS)
    deleted = "is not trusted, 0 of 1 signatures count: .* its bundle could not be fetched"
    scene.fails(5, deleted if by == "deleting" else "pay:harness 0.1.0 .* is not signed\n", *VERIFY)
    (scene.folder / "kept.lock").rename(scene.project / "wpkg.lock")
    scene.company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
    scene.fails(
        5, "pay:harness 0.1.0 has no signature.*and pay:harness 0.1.0 was signed when it was locked", "lock"
    )


def _gone_if_bundle(reply: Reply) -> Reply:
    return Reply(404) if b"dsseEnvelope" in reply.body else reply


def test_05_an_attestation_is_no_signature(scene: Scene) -> None:
    scene.company.publish("harness", "0.1.1", unsigned=True)
    release = scene.release(tag="0.1.1")
    statement = Statement(published_as(release).subjects, SLSA_PROVENANCE, {})
    scene.attach(release, sign_statement(scene.company.platform_key, statement))
    scene.fails(5, "an attestation by 'platform', which is not a signature", "verify", "pay:harness@0.1.1")


def publish_without_record(
    scene: Scene, tag: str, package: str | None = None, version: str | None = None
) -> Release:
    """A component as other tools publish it; it is `package` `version` only in what the platform signs."""
    repository, data = scene.company.repository("harness"), component(HARNESS)
    layer = Descriptor.of(WASM_LAYER, data, {"org.opencontainers.image.title": "harness.wasm"})
    artifact = build_artifact(layer, WasmConfig(None, (), ()), [("other", tag)])
    client = RegistryClient()
    client.push_blob(repository, layer, lambda: io.BytesIO(data))
    client.push_blob(repository, artifact.config, lambda: io.BytesIO(artifact.config_bytes))
    client.push_manifest(repository, artifact.manifest_bytes, artifact.manifest.media_type, tag)
    release = scene.release(tag=tag)
    signed = Published(
        repository,
        release.manifest.digest,
        "harness.wasm",
        layer.digest,
        PackageName.parse(package) if package else None,
        Version.parse(version) if version else None,
    )
    scene.attach(release, sign_statement(scene.company.platform_key, signature_statement(signed)))
    return release


@pytest.mark.parametrize(
    ("signed", "sentence"),
    [
        (("pay:auth", "0.2.0"), "'platform' signed it with dev.wpkg.package 'pay:auth', not 'pay:harness'"),
        (("pay:harness", "0.1.0"), "'platform' signed it with dev.wpkg.version '0.1.0', not '0.2.0'"),
    ],
)
def test_06_another_package_or_an_old_version(scene: Scene, signed: tuple[str, str], sentence: str) -> None:
    publish_without_record(scene, "0.2.0", *signed)
    scene.fails(5, sentence, "verify", "pay:harness@0.2.0")


def test_06_a_signature_that_does_not_say_of_what(scene: Scene) -> None:
    """As `cosign sign` makes them: the registry may serve whatever else that key has signed."""
    publish_without_record(scene, "0.2.0")
    scene.company.project("validator", extra=DEPENDS.replace("^0.1", "^0.2"))
    scene.fails(
        5,
        "'platform' signed it without dev.wpkg.package, so that it may be another package of theirs\n"
        "hint: whoever publishes it signs it by its name: wpkg sign NS:NAME@VERSION; to take the registry's word for "
        "the name, write 'require-identity = false' into the ..trust.rule.. for '127.0.0.1:.*/demo/..'\n",
        "lock",
    )
    key = str(scene.company.key_file(scene.company.platform_key, "platform.pub"))
    by_name = ("verify", "pay:harness@0.2.0", "--key", key)
    scene.fails(
        5, "without dev.wpkg.package.*\nhint: .*; or take it for what a reference names: REGISTRY/", *by_name
    )
    scene.succeeds("verify", f"{scene.company.repository('harness')}:0.2.0", "--key", key)
    scene.company.project(
        "validator", extra=DEPENDS.replace("^0.1", "^0.2").replace("[dep", "require-identity = false\n[dep")
    )
    scene.succeeds("lock")


@pytest.mark.parametrize("form", ["bundle", "legacy"])
def test_06_what_others_published_can_be_signed_by_its_name(scene: Scene, form: Format) -> None:
    publish_without_record(scene, "0.2.0")
    formats = 'formats = ["legacy"]\n' if form == "legacy" else ""
    extra = TRUST + formats + NEEDS.replace("^0.1", "^0.2")
    scene.company.project("validator", extra=extra)
    scene.fails(5, "pay:harness 0.2.0 .* is not (trusted|signed)", "lock")
    sign(scene.company.world("platform"), scene.project, "pay:harness@0.2.0", scene.company.platform_key, (form,))
    scene.succeeds("lock")
    scene.retag(scene.release(tag="0.2.0"), "0.2.1")
    scene.fails(5, "'platform' signed it .*'0.2.0', not '0.2.1'", "update")


def test_06_an_old_version_under_a_new_tag(scene: Scene) -> None:
    scene.retag(scene.release(), "0.2.0")
    scene.fails(6, "says that it is pay:harness 0.1.0, not pay:harness 0.2.0", "verify", "pay:harness@0.2.0")


def test_06_a_lower_version_than_the_locked_one(scene: Scene) -> None:
    scene.company.publish("harness", "0.1.1")
    scene.succeeds("lock")
    tags = json.dumps({"name": "x", "tags": ["0.1.0"]}).encode()
    scene.answer("/tags/list", tags, "application/json")
    scene.fails(7, "0.1.1 is locked, and the registry has nothing newer than 0.1.0", "update")


def test_07_a_registry_that_is_frozen_is_noticed_only_by_a_lock(scene: Scene) -> None:
    """Without a lock nothing can tell; the page on trust says so. With one, what was newer is missed."""
    scene.company.publish("harness", "0.1.1")
    scene.answer("/tags/list", json.dumps({"name": "x", "tags": ["0.1.0"]}).encode(), "application/json")
    scene.proxy.on("GET|HEAD", "/manifests/0.1.1$", lambda _, __: Reply(404))
    scene.succeeds("lock")
    assert "0.1.1" not in (scene.project / "wpkg.lock").read_text()
    scene.proxy.forget_rules()
    scene.succeeds("update")
    scene.answer("/tags/list", json.dumps({"name": "x", "tags": ["0.1.0"]}).encode(), "application/json")
    scene.proxy.on("GET|HEAD", "/manifests/0.1.1$", lambda _, __: Reply(404))
    scene.fails(6, "pay:harness 0.1.1 is locked, and .* has no tag 0.1.1 any more", "lock")


def test_07_what_is_frozen_grows_old(scene: Scene) -> None:
    """Only provenance says a time; who requires an age gets nothing without one."""
    scene.company.project("validator", extra=TRUST + 'max-age = "30d"\n' + NEEDS)
    release = scene.release()

    def attest(made: str) -> None:
        predicate = {"runDetails": {"metadata": {"finishedOn": made}}}
        statement = Statement(published_as(release).subjects, SLSA_PROVENANCE, predicate)
        scene.attach(release, sign_statement(scene.company.platform_key, statement))

    scene.fails(5, "its provenance does not say when it was made .finishedOn., by which max-age goes", "lock")
    attest("2020-01-01T00:00:00Z")
    scene.fails(5, "its provenance says that it was made on 2020-01-01, more than 30 days ago", "lock")
    attest(datetime.now(UTC).isoformat())
    scene.succeeds("lock")


@pytest.mark.parametrize("poison", ["foreign", "too many", "an image manifest", "the subject itself", "nonsense"])
def test_08_a_poisoned_index(scene: Scene, poison: str) -> None:
    scene.without_referrers_api()
    scene.company.publish("harness", "0.1.1", unsigned=True)
    release, other = scene.release(tag="0.1.1"), scene.release()
    scene.attach(release, scene.signature(release))
    scene.succeeds("verify", "pay:harness@0.1.1")
    client, repository = RegistryClient(), release.reference.repository
    index = f"/manifests/{referrers_tag(release.manifest.digest)}"
    good = client.list_referrers(repository, release.manifest.digest)
    scene.attach(other, scene.signature(other))
    foreign = client.list_referrers(repository, other.manifest.digest)
    one_too_many = [replace_digest(good[0], number) for number in range(MAX_REFERRERS)]
    data, media_type, code, sentence = {
        "foreign": (Index(tuple(foreign)).encode(), IMAGE_INDEX, 5, "its manifest refers to another artifact"),
        "too many": (
            Index((*good, *one_too_many)).encode(),
            IMAGE_INDEX,
            6,
            f"there are more than {MAX_REFERRERS}, which is more than can be looked at",
        ),
        "an image manifest": (
            client.fetch_manifest(other.reference).data,
            IMAGE_MANIFEST,
            5,
            "pay:harness 0.1.1 .* is not signed\n",
        ),
        "the subject itself": (
            client.fetch_manifest(release.reference).data,
            IMAGE_MANIFEST,
            5,
            "0.1.1 .* is not signed\n",
        ),
        "nonsense": (b'{"manifests": 1}', IMAGE_INDEX, 6, "manifest .*:sha256-.*: manifests is not an array"),
    }[poison]
    scene.answer(index, data, media_type)
    scene.fails(code, sentence, "verify", "pay:harness@0.1.1")


def replace_digest(entry: Descriptor, number: int) -> Descriptor:
    """An entry that leads nowhere."""
    return Descriptor.of(entry.media_type, str(number).encode())


def test_08_bad_entries_do_not_hide_a_good_one(scene: Scene) -> None:
    scene.without_referrers_api()
    release = scene.release()
    scene.attach(release, scene.signature(release))
    good = RegistryClient().list_referrers(release.reference.repository, release.manifest.digest)
    bad = [replace_digest(good[0], number) for number in range(MAX_REFERRERS - len(good))]
    entries = Index((*bad, *good)).encode()
    scene.answer(f"/manifests/{referrers_tag(release.manifest.digest)}", entries, IMAGE_INDEX)
    assert "verified" in scene.succeeds(*VERIFY)


def test_10_a_signature_that_others_keep_overwriting(scene: Scene) -> None:
    scene.without_referrers_api()
    scene.proxy.on("PUT", "/manifests/sha256-[0-9a-f]{64}$", _pretend_to_store, first=True)
    root = scene.company.project("harness", "0.2.0")
    build(scene.company.world("platform"), root, compose=False)
    with pytest.raises(WpkgError, match="others keep overwriting it") as caught:
        push(scene.company.world("platform"), root, scene.company.platform_key)
    assert caught.value.exit_code == 6
    assert "0.2.0" not in RegistryClient().list_tags(scene.company.repository("harness"))


def _pretend_to_store(request: Request, forward: Callable[[], Reply]) -> Reply:
    """Another writer's index is there again right after."""
    return Reply(201)


def test_10_a_signature_that_is_not_given_back(scene: Scene) -> None:
    root = scene.company.project("harness", "0.2.0")
    build(scene.company.world("platform"), root, compose=False)
    scene.answer("/referrers/", Index(()).encode(), IMAGE_INDEX)
    with pytest.raises(
        WpkgError, match="took what was signed .* and does not give it back; nothing was tagged"
    ) as caught:
        push(scene.company.world("platform"), root, scene.company.platform_key)
    assert caught.value.exit_code == 6
    assert "0.2.0" not in RegistryClient().list_tags(scene.company.repository("harness"))


def test_11_a_namespace_that_comes_from_elsewhere(scene: Scene) -> None:
    """The bank's namespace is bound to its own registry; another that has the package is configured."""
    with fault_proxy(None) as own:
        bound = TRUST.replace("version = 1", f'version = 1\nnamespaces = {{ pay = "{own.address}/pay" }}')
        scene.company.project("validator", extra=bound + NEEDS)
        scene.fails(5, f"packages of 'pay' come from {own.address}/pay only", "lock")
        scene.fails(5, f"packages of 'pay' come from {own.address}/pay only", *VERIFY)


def test_11_what_the_own_registry_does_not_have_is_not_looked_for_elsewhere(scene: Scene) -> None:
    with fault_proxy(None) as own:
        file = scene.project / "wasmcloud.toml"
        prefix = f'pay = "{scene.company.address}/demo"'
        assert prefix in file.read_text()
        file.write_text(
            file.read_text().replace(prefix, f'pay = "{own.address}/demo"\nother = "{scene.company.address}/demo"')
        )
        scene.proxy.seen.clear()
        scene.fails(6, f"pay:harness is not in the registry: there is no repository {own.address}/demo", "lock")
        assert own.seen
        assert scene.proxy.seen == []


def test_12_an_unsigned_input(scene: Scene) -> None:
    company = scene.company
    company.publish("harness", "0.1.2", unsigned=True)
    root = company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.bank_key)
    key = str(company.key_file(company.bank_key, "bank.pub"))
    scene.succeeds("verify", COMPOSED, "--key", key)
    scene.fails(
        5,
        "what it was composed of: pay:harness@0.1.2 .* is not signed",
        "verify",
        COMPOSED,
        "--key",
        key,
        "--inputs",
    )


def test_12_an_unsigned_input_is_not_locked_where_the_rule_forbids_it(scene: Scene) -> None:
    company = scene.company
    company.publish("harness", "0.1.2", unsigned=True)
    root = company.project("validator", extra=TRUST + 'unsigned = "allow"\n' + NEEDS)
    build(company.world(), root, compose=True)
    push(company.world(), root, company.platform_key)
    reject = TRUST + 'require-inputs-signed = true\n[dependencies]\n"pay:validator" = "^0.1"\n'
    company.project("validator", extra=reject)
    (scene.project / "wasmcloud.toml").write_text(
        (scene.project / "wasmcloud.toml").read_text().replace('name = "pay:validator"', 'name = "pay:shop"')
    )
    (scene.project / "wpkg.lock").unlink()
    scene.fails(5, "what it was composed of: pay:harness@0.1.2 .* is not signed", "lock")


def test_13_a_key_that_is_revoked_counts_for_nothing_not_even_for_what_is_locked(scene: Scene) -> None:
    scene.succeeds("lock")
    scene.succeeds("fetch")
    scene.company.project("validator", extra=DEPENDS.replace('platform.pub"', 'platform.pub"\nrevoked = true'))
    for words in (VERIFY, ("lock",), ("pull", PACKAGE, "-o", str(scene.folder / "x.wasm"))):
        scene.fails(5, "it is signed by 'platform', whose key is revoked", *words)
    assert not (scene.folder / "x.wasm").exists()


def test_13_a_key_that_has_expired_makes_nothing_new_trusted(scene: Scene) -> None:
    scene.succeeds("lock")
    scene.company.project(
        "validator", extra=DEPENDS.replace('platform.pub"', 'platform.pub"\nexpires = 2020-01-31')
    )
    scene.succeeds("lock")
    (scene.project / "wpkg.lock").unlink()
    scene.fails(5, "'platform', whose key has expired on 2020-01-31", "lock")


def test_13_another_key_than_the_locked_one(scene: Scene) -> None:
    scene.succeeds("lock")
    release = scene.release()
    scene.attach(release, scene.signature(release, scene.company.stranger_key))
    scene.company.project("validator", extra=DEPENDS)
    (scene.project / "platform.pub").write_bytes(scene.company.stranger_key.public.pem)
    scene.fails(5, "is signed by the key .*, and pay:harness 0.1.0 was locked with a signature by the key", "lock")


def test_17_each_state_has_a_name_a_code_and_every_reason(scene: Scene) -> None:
    scene.company.publish("harness", "0.1.1", unsigned=True)
    scene.company.publish("harness", "0.1.2", unsigned=True)
    release, other = scene.release(tag="0.1.2"), scene.release()
    scene.attach(release, scene.signature(release, scene.company.stranger_key))
    scene.attach(release, scene.signature(other))
    assert '"verified"' in scene.succeeds(*VERIFY, "--json")
    scene.fails(5, '"code": ?"not-signed"', "verify", "pay:harness@0.1.1", "--json")
    code, said = scene.wpkg("verify", "pay:harness@0.1.2", "--json")
    assert code == 5
    for reason in (
        '"signature-invalid"',
        "0 of 1 signatures count",
        "it is signed by a key that the rule does not name",
        "'platform' signed another artifact with it",
    ):
        assert reason in said, said
    scene.proxy.on("GET", "/referrers/", lambda _, __: Reply(500))
    scene.fails(6, "referrers of .*: the registry answered with status 500", *VERIFY)
